# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of clusters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from release.errors import OperationError
from release.releases.scratch import LockSample, Rows, Scratch, ScratchWanted

if TYPE_CHECKING:
    from fakes.world import World

#: Under which name a copy is known to the fake databases, and its port.
COPY, PORT = "copy", 5532


@dataclass
class FakeScratch:
    """All copies of a host. Copies are of production."""

    world: World
    there: dict[str, ScratchWanted] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    #: What is seen of the next migration.
    locks: list[LockSample] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    touched: dict[str, Rows] = field(default_factory=dict)
    free: int = 10**12
    asked: int = 0

    def found(self) -> list[str]:
        self.world.faults.alive()
        self.asked += 1
        return sorted(self.there)

    def running(self, name: str) -> Scratch | None:
        return self._scratch(self.there[name]) if name in self.there else None

    def make(self, wanted: ScratchWanted, fill: Callable[[str], None]) -> Scratch:
        if wanted.needed_bytes > self.free:
            raise OperationError("there is no room for a copy", wanted.name, "the disk is full")
        with self.world.change(f"make copy {wanted.name}"):
            self.there[wanted.name] = wanted
            self.made.append(wanted.name)
        fill(f"/scratch/{wanted.name}")
        applied = self.world.databases.applied
        applied[COPY] = applied.get("production", "")
        return self._scratch(wanted)

    def remove(self, name: str) -> None:
        if name in self.there:
            with self.world.change(f"remove copy {name}"):
                del self.there[name]
            self.world.databases.applied.pop(COPY, None)

    def copy(self, port: int) -> Callable[[str], None]:
        def fill(directory: str) -> None:
            self.world.faults.alive()
            assert port and directory

        return fill

    @contextlib.contextmanager
    def watched(self, scratch: Scratch, database: str) -> Iterator[list[LockSample]]:
        assert scratch.name in self.there and database
        seen: list[LockSample] = []
        yield seen
        seen += self.locks

    @contextlib.contextmanager
    def recorded(self, scratch: Scratch, database: str) -> Iterator[list[str]]:
        assert scratch.name in self.there and database
        seen: list[str] = []
        yield seen
        seen += self.statements

    def rows(self, scratch: Scratch, database: str) -> dict[str, Rows]:
        assert scratch.name in self.there and database
        return self.touched if self.world.databases.applied.get(COPY) != self.before else {}

    @property
    def before(self) -> str | None:
        return self.world.databases.applied.get("production", "")

    def _scratch(self, wanted: ScratchWanted) -> Scratch:
        return Scratch(wanted.name, wanted.version, PORT, f"/scratch/{wanted.name}/data", "/run")
