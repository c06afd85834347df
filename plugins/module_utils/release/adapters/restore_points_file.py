# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of the restore points of a stack's databases. Operations of two environments may write it at the same time,
so each takes its turn."""

from __future__ import annotations

import fcntl
import os
from typing import Any

from ..releases.backups import RestorePoint
from ..util.files import as_json, write_atomically
from . import own_files

NAME = "restore_points.json"
#: By environment and database, oldest first.
Points = dict[str, dict[str, tuple[RestorePoint, ...]]]


def load(path: str) -> Points:
    """What cannot be read is left out."""
    found: Points = {}
    for environment, mine in (own_files.load(path)[0] or {}).items():
        for database, kept in mine.items() if isinstance(mine, dict) else ():
            points = [_point(one) for one in kept] if isinstance(kept, list) else []
            found.setdefault(environment, {})[database] = tuple(it for it in points if it)
    return found


def add(path: str, environment: str, database: str, point: RestorePoint, keep_seconds: float) -> None:
    """Add one. Those that no backup reaches any more are dropped."""
    lock = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        whole = load(path)
        before = whole.get(environment, {}).get(database, ())
        young = [it for it in before if it.at > point.at - keep_seconds and it.name != point.name]
        whole.setdefault(environment, {})[database] = (*young, point)
        data = {name: {one: [it.to_json() for it in its] for one, its in mine.items()} for name, mine in whole.items()}
        write_atomically(path, as_json(data), 0o600)
    finally:
        os.close(lock)


def _point(data: Any) -> RestorePoint | None:
    try:
        return RestorePoint(str(data["name"]), str(data["lsn"]), float(data["at"]))
    except (KeyError, TypeError, ValueError):
        return None
