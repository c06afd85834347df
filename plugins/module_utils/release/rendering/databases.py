# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the databases of an environment are, as text."""

from __future__ import annotations

from collections.abc import Mapping

from ..planning.databases import troubles
from ..releases.databases import DatabaseStatus

#: What each engine is called, and what is said where nobody is asked.
_NAMES = {"postgresql": "PostgreSQL", "sqlite": "SQLite, in a volume", "external": "elsewhere, not asked"}


def lines(environment: str, found: Mapping[str, DatabaseStatus]) -> list[str]:
    """One line for all, and one for each that does not answer or has no room. Nothing where there is none."""
    if not found:
        return []
    wrong = [
        f"   {environment} {name}: {text}. Fix: {troubles.fix(one)}"
        for name, one in found.items()
        if (text := troubles.trouble(one))
    ]
    return [
        f"databases of {environment}: " + ", ".join(f"{name} ({word(one)})" for name, one in found.items()),
        *wrong,
    ]


def word(one: DatabaseStatus) -> str:
    if one.is_silent:
        return "DOES NOT ANSWER"
    if not one.answers:
        return _NAMES[one.engine]
    used = f"{one.connections} of {one.most_connections} connections"
    full = ", DISK FULL" if one.is_full else ""
    return f"{_NAMES[one.engine]} {one.version}, {size(one.size_bytes)}, {used}{full}"


def size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"
