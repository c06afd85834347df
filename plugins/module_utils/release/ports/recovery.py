# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings data back: in place, and on a host that takes the place of a lost one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..releases.backups import BackupSet, Places, Stanza
    from ..releases.host_recovery import Copy, HostRecovery, Known


class RestoresPort(Protocol):
    """Clusters that go back to a moment where they are, and the heartbeat by which moments are found."""

    def answers(self, stanza: Stanza) -> bool: ...
    def beat(self, stanza: Stanza) -> float: ...
    def archived_until(self, stanza: Stanza) -> float | None: ...
    def commits_since(self, stanza: Stanza, moment: float) -> int | None: ...
    def schedule(self, units: Mapping[str, str], *, write: bool) -> list[str]: ...
    def newest_beat(self, port: int) -> float | None: ...
    def damage(self, version: str, port: int) -> list[str]: ...
    def answer(self, port: int, database: str, question: str, seconds: int) -> str: ...
    def timeline(self, stanza: Stanza) -> str: ...
    def free_bytes(self, stanza: Stanza) -> int: ...
    def is_mounted(self, stanza: Stanza) -> bool: ...
    def halt(self, stanza: Stanza) -> None: ...
    def swap(self, stanza: Stanza, name: str) -> None: ...
    def replay(self, stanza: Stanza, seconds: float = ...) -> str: ...
    def open(self, stanza: Stanza, *, for_good: bool) -> None: ...
    def put_back(self, stanza: Stanza, name: str, *, starts: bool) -> None: ...
    def kept(self, stanza: Stanza) -> dict[str, int]: ...
    def drop(self, stanza: Stanza, name: str) -> None: ...
    def clear(self, stanza: Stanza) -> None: ...


class NoRestores:
    """A host on which nothing is restored."""

    def answers(self, stanza: Stanza) -> bool:
        return False

    def beat(self, stanza: Stanza) -> float:
        raise KeyError(stanza.name)

    def archived_until(self, stanza: Stanza) -> float | None:
        return None

    def commits_since(self, stanza: Stanza, moment: float) -> int | None:
        return None

    def schedule(self, units: Mapping[str, str], *, write: bool) -> list[str]:
        return []

    def newest_beat(self, port: int) -> float | None:
        return None

    def damage(self, version: str, port: int) -> list[str]:
        return []

    def answer(self, port: int, database: str, question: str, seconds: int) -> str:
        raise KeyError(port)

    def timeline(self, stanza: Stanza) -> str:
        return ""

    def free_bytes(self, stanza: Stanza) -> int:
        return 0

    def is_mounted(self, stanza: Stanza) -> bool:
        return False

    def halt(self, stanza: Stanza) -> None:
        return None

    def swap(self, stanza: Stanza, name: str) -> None:
        return None

    def replay(self, stanza: Stanza, seconds: float = 0.0) -> str:
        raise KeyError(stanza.name)

    def open(self, stanza: Stanza, *, for_good: bool) -> None:
        return None

    def put_back(self, stanza: Stanza, name: str, *, starts: bool) -> None:
        return None

    def kept(self, stanza: Stanza) -> dict[str, int]:
        return {}

    def drop(self, stanza: Stanza, name: str) -> None:
        return None

    def clear(self, stanza: Stanza) -> None:
        return None


class SalvagePort(Protocol):
    """What a lost host has left in its backups, read on an empty one; and the record of how that comes back."""

    def read(self) -> HostRecovery | None: ...
    def write(self, record: HostRecovery) -> None: ...
    def copies(self, places: Places, kind: str, stack: str) -> list[Copy]: ...
    def missing(self, *, clusters: bool) -> list[str]: ...
    def known(self, places: Places, copy: Copy, path: str) -> Known: ...
    def state(self, places: Places, copy: Copy, path: str, names: Collection[str]) -> list[str]: ...
    def volume(self, places: Places, copy: Copy, mountpoint: str) -> None: ...
    def file(self, places: Places, copy: Copy, path: str) -> None: ...
    def sets(self, stanza: Stanza, settings: str) -> tuple[BackupSet, ...]: ...
    def adopt(self, path: str) -> None: ...


class NoSalvage:
    """A host that was never lost."""

    def read(self) -> HostRecovery | None:
        return None

    def write(self, record: HostRecovery) -> None:
        return None

    def copies(self, places: Places, kind: str, stack: str) -> list[Copy]:
        return []

    def missing(self, *, clusters: bool) -> list[str]:
        return []

    def known(self, places: Places, copy: Copy, path: str) -> Known:
        raise KeyError(path)

    def state(self, places: Places, copy: Copy, path: str, names: Collection[str]) -> list[str]:
        return []

    def volume(self, places: Places, copy: Copy, mountpoint: str) -> None:
        return None

    def file(self, places: Places, copy: Copy, path: str) -> None:
        return None

    def sets(self, stanza: Stanza, settings: str) -> tuple[BackupSet, ...]:
        return ()

    def adopt(self, path: str) -> None:
        return None
