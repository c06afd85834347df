# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a database of this host, and what to do about it."""

from __future__ import annotations

from ...hints import host_command
from ...releases.databases import DatabaseStatus


def trouble(one: DatabaseStatus) -> str:
    """Empty where it answers, and has room for what is written to it."""
    return f"does not answer: {cause(one)}" if one.is_silent else cause(one)


def cause(one: DatabaseStatus) -> str:
    """Why it does not answer, or soon will not."""
    full = f"its disk is full: {(one.free_bytes or 0) / 1e6:.0f} MB are free in {one.place}" if one.is_full else ""
    return "; ".join(text for text in (one.cause, full) if text)


def fix(one: DatabaseStatus) -> str:
    """A cluster that had no room for its log has stopped, and does not start again by itself."""
    if not one.is_full:
        return host_command("pg_lsclusters")
    room = f"make room there ({host_command(f'df -h {one.place}')})"
    if not one.is_silent:
        return room
    version, name = one.place.split("/")[-2:]
    return f"{room}, then {host_command(f'sudo systemctl restart postgresql@{version}-{name}')}"
