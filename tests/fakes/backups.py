# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of clusters, with an archive that takes what it gets or does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from release.errors import OperationError
from release.releases.backups import Archive, BackupKind, BackupSet, Places, RestorePoint, Stanza, Target

if TYPE_CHECKING:
    from fakes.world import World


@dataclass
class FakeBackups:
    """All backups of a host."""

    world: World
    texts: dict[str, str] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)
    stanzas: set[str] = field(default_factory=set)
    sets: dict[str, list[BackupSet]] = field(default_factory=dict)
    points: dict[str, list[RestorePoint]] = field(default_factory=dict)
    restored: list[tuple[str, str, Target]] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    #: Files of the log that somebody has removed from the archive.
    missing: list[str] = field(default_factory=list)
    #: Since when nothing arrives in the archive; 0: all is well.
    away_since: float = 0.0
    #: What somebody has waited for it meanwhile.
    waited: int = 0
    log: list[str] = field(default_factory=list)
    installed: tuple[int, ...] = (2, 55)

    def version(self) -> tuple[int, ...]:
        return self.installed

    def configure(self, stanza: Stanza, text: str, *, write: bool) -> bool:
        changed = self.texts.get(stanza.name) != text
        if write:
            self.texts[stanza.name] = text
        return changed

    def provide_directory(self, path: str, *, write: bool) -> bool:
        changed = path not in self.directories
        if write:
            self.directories.add(path)
        return changed

    def create_stanza(self, stanza: Stanza) -> None:
        self._reach("stanza-create")
        self.stanzas.add(stanza.name)

    def take(self, stanza: Stanza, kind: BackupKind, repository: int) -> None:
        self._reach("backup")
        with self.world.change(f"backup {stanza.name} {kind} {repository}"):
            self.log.append(f"{kind} {stanza.name} {repository}")
            now = int(self.now())
            mine = self.sets.setdefault(stanza.name, [])
            real: BackupKind = kind if any(it.repository == repository for it in mine) else "full"
            mine.append(BackupSet(f"{now}{real[0]}", real, now, now, 31_000_000, 3_700_000, repository))

    def info(self, stanza: Stanza, *, seconds: int = 120) -> tuple[BackupSet, ...]:
        if self.away_since:
            self.waited += seconds
        self._reach("info")
        return tuple(self.sets.get(stanza.name, ()))

    def verify(self, stanza: Stanza, repository: int) -> list[str]:
        self._reach("verify")
        return list(self.damage)

    def gaps(self, stanza: Stanza, repository: int, first: str) -> list[str]:
        self._reach("repo-ls")
        return [f"{file} is missing in the archive" for file in self.missing if file >= first]

    def archive(self, stanza: Stanza) -> Archive:
        if self.away_since:
            return Archive(True, "000000010000000000000005", self.away_since - 60, self.now(), 3)
        return Archive(True, "000000010000000000000006", self.now() - 20)

    def end_dumps(self, stanza: Stanza) -> None:
        self.log.append(f"end dumps {stanza.name}")

    def restore_point(self, stanza: Stanza, name: str, seconds: float = 30.0) -> RestorePoint:
        with self.world.change(f"restore point {name}"):
            if self.away_since:
                why = f"000000010000000000000006 has not arrived in the archive after {seconds:g} s"
                raise OperationError("the restore point is not in the archive", stanza.name, why, "look at its log")
            point = RestorePoint(name, "0/6000028", self.now())
            self.points.setdefault(stanza.name, []).append(point)
        return point

    def restore_into(
        self, stanza: Stanza, directory: str, target: Target, *, archive: bool = False, delta: bool = False
    ) -> None:
        self._reach("restore")
        with self.world.change(f"begin to restore {stanza.name}"):
            self.world.restores.laid_out(stanza, directory, whole=False)
        with self.world.change(f"restore {stanza.name} into {directory}"):
            self.restored.append((stanza.name, directory, target))
            self.world.restores.laid_out(stanza, directory, whole=True)

    def now(self) -> float:
        return self.world.clock.now()

    def _reach(self, command: str) -> None:
        if self.away_since:
            raise OperationError("pgbackrest failed", "PostgreSQL", f"{command}: unable to reach the repository")


@dataclass
class FakeBackupPlaces:
    """Where a host's backups go."""

    places: Places | None = None

    #: Of the settings, not of the passphrase.
    is_damaged: bool = False

    def read(self) -> Places | None:
        return None if self.is_damaged else self.places

    def known_passphrase(self) -> str:
        return self.places.passphrase if self.places else ""

    def write(self, places: Places) -> None:
        self.places, self.is_damaged = places, False


@dataclass
class FakeCopies:
    """All copies of a host, in each repository."""

    world: World
    taken: list[tuple[str, str]] = field(default_factory=list)
    fails: dict[str, str] = field(default_factory=dict)
    #: Volumes that no release has made yet.
    missing: set[str] = field(default_factory=set)

    def volume(self, name: str) -> str:
        is_missing = name in self.missing and name not in self.world.docker.volumes
        return "" if is_missing else f"/volumes/{name}"

    def has(self, path: str) -> bool:
        return path not in self.missing

    def verify(self, places: Places, kind: str, stack: str) -> None:
        self._take(kind, f"verify {stack}")

    def files(self, places: Places, kind: str, stack: str, thing: str, paths: Sequence[str], days: int) -> int:
        return self._take(kind, f"{thing}: {' '.join(paths)}")

    def dump(self, places: Places, kind: str, stack: str, thing: str, stanza: Stanza, days: int) -> int:
        return self._take(kind, f"{thing}: dump of {stanza.database}")

    def sqlite(self, places: Places, kind: str, stack: str, thing: str, path: str, days: int) -> int:
        return self._take(kind, f"{thing}: {path}")

    def _take(self, kind: str, what: str) -> int:
        for part, why in self.fails.items():
            if part in what:
                raise OperationError("restic failed", "backups", why)
        with self.world.change(f"copy {what}"):
            self.taken.append((kind, what))
        return 1000


@dataclass
class FakeBackupTimer:
    """The timers of backups, by stack."""

    stacks: set[str] = field(default_factory=set)

    def provide(self, stack: str, *, wanted: bool, write: bool) -> bool:
        changed = wanted != (stack in self.stacks)
        if write:
            (self.stacks.add if wanted else self.stacks.discard)(stack)
        return changed
