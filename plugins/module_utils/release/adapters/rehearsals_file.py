# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a stack's rehearsals: the newest few, root's alone, as statements stand in it."""

from __future__ import annotations

from ..releases.rehearsal import Rehearsal
from ..util.files import as_json, write_atomically
from . import own_files

NAME = "rehearsals.json"
KEPT = 20


def load(path: str) -> list[Rehearsal]:
    """Oldest first. What cannot be read is left out: then it is rehearsed again."""
    data = own_files.load(path)[0] or {}
    items = data.get("rehearsals")
    found = [Rehearsal.from_json(item) for item in items] if isinstance(items, list) else []
    return [one for one in found if one is not None]


def add(path: str, rehearsal: Rehearsal) -> None:
    kept = [*load(path), rehearsal][-KEPT:]
    write_atomically(path, as_json({"rehearsals": [one.to_json() for one in kept]}), 0o600)
