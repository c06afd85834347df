# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters that go back to a moment: whose data is where, who may write, and the copies that drills make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from release.errors import OperationError
from release.releases.backups import Stanza

if TYPE_CHECKING:
    from fakes.world import World

BEFORE, RESTORED = "as it was", "restored"


@dataclass
class Cluster:
    """One cluster. `data` is what is in its directory; None: there is none."""

    data: str | None = BEFORE
    runs: bool = True
    guard: str = ""
    #: What is laid out beside it.
    fresh: str | None = None
    asides: dict[str, str | None] = field(default_factory=dict)
    timeline: int = 1
    #: What is in the archive: a timeline that was given up must not be.
    archived: set[int] = field(default_factory=lambda: {1})


@dataclass
class FakeRestores:
    """All clusters of a host."""

    world: World
    known: dict[str, Cluster] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    #: How far behind the archive is.
    behind: float = 90.0
    free: int = 50 * 10**9
    #: Whether a disk is mounted at the data directory.
    mounted: bool = False
    #: Why the replay stops, or nothing; what the copy of a drill says.
    fails: str = ""
    answers_of: dict[str, str] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    no_beat: bool = False
    #: Whether a cluster of before does not start any more.
    is_broken: bool = False
    commits: int = 1204

    def cluster(self, stanza: Stanza) -> Cluster:
        self.world.faults.alive()
        return self.known.setdefault(stanza.name, Cluster())

    def schedule(self, units: Mapping[str, str], *, write: bool) -> list[str]:
        changed = sorted(name for name in {*units, *self.units} if units.get(name) != self.units.get(name))
        if write:
            self.units = dict(units)
        return changed

    def answers(self, stanza: Stanza) -> bool:
        return self.cluster(stanza).runs

    def beat(self, stanza: Stanza) -> float:
        return self.world.clock.now()

    def archived_until(self, stanza: Stanza) -> float | None:
        return self.world.clock.now() - self.behind if self.cluster(stanza).runs else None

    def commits_since(self, stanza: Stanza, moment: float) -> int | None:
        return self.commits

    def newest_beat(self, port: int) -> float | None:
        return None if self.no_beat else self.world.clock.now() - 42

    def damage(self, version: str, port: int) -> list[str]:
        return list(self.damaged)

    def answer(self, port: int, database: str, question: str, seconds: int) -> str:
        if question not in self.answers_of:
            raise OperationError("psql failed", "PostgreSQL", "ERROR: relation does not exist")
        return self.answers_of[question]

    def timeline(self, stanza: Stanza) -> str:
        return str(self.cluster(stanza).timeline)

    def free_bytes(self, stanza: Stanza) -> int:
        return self.free

    def is_mounted(self, stanza: Stanza) -> bool:
        return self.mounted

    def halt(self, stanza: Stanza) -> None:
        with self.world.change(f"guard {stanza.name}"):
            self.cluster(stanza).guard = "read-only"
        with self.world.change(f"stop {stanza.name}"):
            self.cluster(stanza).runs = False

    def swap(self, stanza: Stanza, name: str) -> None:
        mine = self.cluster(stanza)
        assert not mine.runs, "the files of a cluster that runs are moved"
        if name not in mine.asides:
            with self.world.change(f"set aside {stanza.name}"):
                mine.asides[name], mine.data = mine.data, None
        if mine.fresh is not None:
            with self.world.change(f"swap {stanza.name}"):
                mine.data, mine.fresh = mine.fresh, None

    def laid_out(self, stanza: Stanza, directory: str, *, whole: bool) -> None:
        """pgBackRest writes there: first a part, then all."""
        if directory == stanza.data:
            mine = self.cluster(stanza)
            assert not mine.runs and mine.data in (None, "half"), "a backup is laid out over what is there"
            mine.data = RESTORED if whole else "half"
        elif directory.startswith(stanza.data):
            self.cluster(stanza).fresh = RESTORED if whole else "half"

    def replay(self, stanza: Stanza, seconds: float = 0.0) -> str:
        mine = self.cluster(stanza)
        with self.world.change(f"replay {stanza.name}"):
            assert mine.data == RESTORED, f"{mine.data} is started"
            if self.fails:
                raise OperationError("PostgreSQL has stopped on its way", stanza.name, self.fails)
            mine.runs = True
            if mine.timeline == 1:
                mine.timeline = 2
            if not mine.guard:
                mine.archived.add(mine.timeline)
        return str(mine.timeline)

    def open(self, stanza: Stanza, *, for_good: bool) -> None:
        mine = self.cluster(stanza)
        with self.world.change(f"open {stanza.name}"):
            mine.guard = "" if for_good else "not archived"
            mine.runs = True
            if for_good:
                mine.archived.add(mine.timeline)

    def put_back(self, stanza: Stanza, name: str, *, starts: bool) -> None:
        mine = self.cluster(stanza)
        if name in mine.asides:
            with self.world.change(f"stop {stanza.name}"):
                mine.runs = False
            with self.world.change(f"remove {stanza.name}"):
                mine.data = None
            with self.world.change(f"put back {stanza.name}"):
                mine.data, mine.timeline = mine.asides.pop(name), 1
        with self.world.change(f"unguard {stanza.name}"):
            mine.guard, mine.fresh = "", None
        if starts:
            with self.world.change(f"start {stanza.name}"):
                if self.is_broken:
                    raise OperationError("the cluster could not be told to start", stanza.name, "it is damaged")
                mine.runs = True

    def kept(self, stanza: Stanza) -> dict[str, int]:
        return dict.fromkeys(self.cluster(stanza).asides, 10**9)

    def drop(self, stanza: Stanza, name: str) -> None:
        with self.world.change(f"drop {stanza.name} {name}"):
            del self.cluster(stanza).asides[name]

    def clear(self, stanza: Stanza) -> None:
        mine = self.cluster(stanza)
        with self.world.change(f"clear {stanza.name}"):
            mine.runs, mine.data = False, None

    def restart(self) -> None:
        """A reboot: a cluster that is whole starts."""
        for mine in self.known.values():
            mine.runs = mine.data in (BEFORE, RESTORED)
