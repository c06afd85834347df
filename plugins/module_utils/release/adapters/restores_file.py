# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of restores in place and of drills, of one stack. Several may write at once: each takes its turn."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from ..releases.drills import KEPT, Drill
from ..releases.restores import Restored
from ..stack.model import ENVIRONMENTS
from ..util.files import as_json, write_atomically
from . import own_files

RESTORED, DRILLS = "restores.json", "drills.json"


class _Item(Protocol):
    def to_json(self) -> dict[str, Any]: ...


T = TypeVar("T", bound=_Item)


def load_restored(path: str) -> dict[str, dict[str, list[Restored]]]:
    return _load(path, Restored.from_json)


def load_drills(path: str) -> dict[str, dict[str, list[Drill]]]:
    return _load(path, Drill.from_json)


def add_restored(path: str, environment: str, database: str, restored: Restored) -> None:
    """The same one may come twice, from the recovery of who was killed."""
    with _turn(path):
        whole = load_restored(path)
        mine = whole[environment].setdefault(database, [])
        mine[:] = [one for one in mine if one.at != restored.at] + [restored]
        _save(path, whole)


def add_drill(path: str, drill: Drill) -> None:
    with _turn(path):
        whole = load_drills(path)
        mine = whole[drill.environment].setdefault(drill.database, [])
        mine[:] = [*mine, drill][-KEPT:]
        _save(path, whole)


def _load(path: str, read: Callable[[Any], T | None]) -> dict[str, dict[str, list[T]]]:
    """By environment and database, oldest first. What cannot be read is left out."""
    data = own_files.load(path)[0] or {}
    found: dict[str, dict[str, list[T]]] = {}
    for environment in ENVIRONMENTS:
        kept = data.get(environment)
        found[environment] = {
            str(name): [one for item in items if (one := read(item)) is not None]
            for name, items in (kept.items() if isinstance(kept, dict) else ())
            if isinstance(items, list)
        }
    return found


@contextlib.contextmanager
def _turn(path: str) -> Iterator[None]:
    lock = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _save(path: str, whole: Mapping[str, Mapping[str, Sequence[_Item]]]) -> None:
    data = {name: {one: [it.to_json() for it in items] for one, items in mine.items()} for name, mine in whole.items()}
    write_atomically(path, as_json({name: mine for name, mine in data.items() if mine}), 0o600)
