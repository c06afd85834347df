# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lost host has left in its backups, and what of it was brought back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from release.errors import OperationError
from release.releases.backups import BackupSet, Places, Stanza
from release.releases.host_recovery import Copy, HostRecovery, Known

if TYPE_CHECKING:
    from fakes.world import World


@dataclass
class FakeSalvage:
    """The repositories of a host that is gone, by their kinds."""

    world: World
    left: dict[str, list[Copy]] = field(default_factory=dict)
    history: Known = field(default_factory=lambda: Known((), {}))
    passphrase: str = "the-old-passphrase"
    lacking: list[str] = field(default_factory=list)
    record: HostRecovery | None = None
    #: What was brought, in order.
    brought: list[str] = field(default_factory=list)
    #: What was asked of each copy of state.
    names: Collection[str] = ()

    def read(self) -> HostRecovery | None:
        return self.record

    def write(self, record: HostRecovery) -> None:
        with self.world.change("write down"):
            again = HostRecovery.from_json(record.to_json())
            assert again == record, "it cannot be read as it was written"
            self.record = again

    def missing(self, *, clusters: bool) -> list[str]:
        return [name for name in self.lacking if clusters or name != "pgbackrest"]

    def copies(self, places: Places, kind: str, stack: str) -> list[Copy]:
        if places.passphrase != self.passphrase:
            raise OperationError("restic failed", "backups", "Fatal: wrong password or no key found")
        return list(self.left.get(kind, ()))

    def known(self, places: Places, copy: Copy, path: str) -> Known:
        return self.history

    def state(self, places: Places, copy: Copy, path: str, names: Collection[str]) -> list[str]:
        with self.world.change("bring the state"):
            self.names = names
            self.world.store.kept[copy.stack] = self.history.databases
            self._bring(copy, path)
        return sorted(names)

    def volume(self, places: Places, copy: Copy, mountpoint: str) -> None:
        with self.world.change(f"bring {copy.tag}"):
            self._bring(copy, mountpoint)

    def file(self, places: Places, copy: Copy, path: str) -> None:
        with self.world.change(f"bring {copy.tag}"):
            self._bring(copy, path)

    def sets(self, stanza: Stanza, settings: str) -> tuple[BackupSet, ...]:
        return tuple(self.world.backups.sets.get(stanza.name, ()))

    def adopt(self, path: str) -> None:
        self.brought.append(f"adopt {path}")

    def _bring(self, copy: Copy, path: str) -> None:
        assert self.record, "nobody has written down what comes from where"
        self.brought.append(f"{copy.kind} {copy.snapshot} to {path}")
