# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of databases, and copies of volumes and of the engine's state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..releases.backups import Archive, BackupKind, BackupSet, Places, RestorePoint, Stanza, Target
    from ..releases.copied import Copied, Present


class BackupsPort(Protocol):
    """Backups of PostgreSQL's clusters, and their logs' archive."""

    def version(self) -> tuple[int, ...]: ...
    def configure(self, stanza: Stanza, text: str, *, write: bool) -> bool: ...
    def provide_directory(self, path: str, *, write: bool) -> bool: ...
    def create_stanza(self, stanza: Stanza) -> None: ...
    def take(self, stanza: Stanza, kind: BackupKind, repository: int) -> None: ...
    def info(self, stanza: Stanza, *, seconds: int = 120) -> tuple[BackupSet, ...]: ...
    def verify(self, stanza: Stanza, repository: int) -> list[str]: ...
    def gaps(self, stanza: Stanza, repository: int, first: str) -> list[str]: ...
    def archive(self, stanza: Stanza) -> Archive: ...
    def end_dumps(self, stanza: Stanza) -> None: ...
    def restore_point(self, stanza: Stanza, name: str, seconds: float = 30.0) -> RestorePoint: ...

    def restore_into(
        self, stanza: Stanza, directory: str, target: Target, *, archive: bool = False, delta: bool = False
    ) -> None: ...


class NoBackups:
    """A host on which nothing is backed up."""

    def version(self) -> tuple[int, ...]:
        return ()

    def configure(self, stanza: Stanza, text: str, *, write: bool) -> bool:
        return False

    def provide_directory(self, path: str, *, write: bool) -> bool:
        return False

    def create_stanza(self, stanza: Stanza) -> None:
        return None

    def take(self, stanza: Stanza, kind: BackupKind, repository: int) -> None:
        return None

    def info(self, stanza: Stanza, *, seconds: int = 120) -> tuple[BackupSet, ...]:
        return ()

    def verify(self, stanza: Stanza, repository: int) -> list[str]:
        return []

    def gaps(self, stanza: Stanza, repository: int, first: str) -> list[str]:
        return []

    def archive(self, stanza: Stanza) -> Archive:
        raise KeyError(stanza.name)

    def end_dumps(self, stanza: Stanza) -> None:
        return None

    def restore_point(self, stanza: Stanza, name: str, seconds: float = 30.0) -> RestorePoint:
        raise KeyError(stanza.name)

    def restore_into(
        self, stanza: Stanza, directory: str, target: Target, *, archive: bool = False, delta: bool = False
    ) -> None:
        return None


class CopiesPort(Protocol):
    """Copies of files and dumps, in a repository of each stack in each place. Each returns what it added there."""

    def volume(self, name: str) -> str: ...
    def has(self, path: str) -> bool: ...
    def verify(self, places: Places, kind: str, stack: str) -> None: ...
    def files(self, places: Places, kind: str, stack: str, thing: str, paths: Sequence[str], days: int) -> int: ...
    def dump(self, places: Places, kind: str, stack: str, thing: str, stanza: Stanza, days: int) -> int: ...
    def sqlite(self, places: Places, kind: str, stack: str, thing: str, path: str, days: int) -> int: ...


class NoCopies:
    """A host on which nothing is copied."""

    def volume(self, name: str) -> str:
        return ""

    def has(self, path: str) -> bool:
        return False

    def verify(self, places: Places, kind: str, stack: str) -> None:
        return None

    def files(self, places: Places, kind: str, stack: str, thing: str, paths: Sequence[str], days: int) -> int:
        return 0

    def dump(self, places: Places, kind: str, stack: str, thing: str, stanza: Stanza, days: int) -> int:
        return 0

    def sqlite(self, places: Places, kind: str, stack: str, thing: str, path: str, days: int) -> int:
        return 0


class CopiedPort(Protocol):
    """Files in the copies of volumes, and the same files in the volumes now."""

    def copies(self, places: Places, kind: str, stack: str, thing: str) -> list[Copied]: ...
    def paths(self, places: Places, kind: str, stack: str, copied: Copied) -> Iterator[str]: ...
    def checksum(self, places: Places, kind: str, stack: str, copied: Copied, path: str) -> str: ...
    def present(self, root: str, path: str) -> Present | None: ...


class NoCopied:
    """A host on which nothing is copied."""

    def copies(self, places: Places, kind: str, stack: str, thing: str) -> list[Copied]:
        return []

    def paths(self, places: Places, kind: str, stack: str, copied: Copied) -> Iterator[str]:
        return iter(())

    def checksum(self, places: Places, kind: str, stack: str, copied: Copied, path: str) -> str:
        raise KeyError(path)

    def present(self, root: str, path: str) -> Present | None:
        return None


class BackupTimerPort(Protocol):
    """The timer of a stack's backups."""

    def provide(self, stack: str, *, wanted: bool, write: bool) -> bool: ...


class NoBackupTimer:
    """A host without systemd."""

    def provide(self, stack: str, *, wanted: bool, write: bool) -> bool:
        return False


class BackupPlacesPort(Protocol):
    """Where this host's backups go, with the passphrase of all of them."""

    def read(self) -> Places | None: ...
    def known_passphrase(self) -> str: ...
    def write(self, places: Places) -> None: ...


class NoBackupPlaces:
    """A host that has none."""

    def read(self) -> Places | None:
        return None

    def known_passphrase(self) -> str:
        return ""

    def write(self, places: Places) -> None:
        return None
