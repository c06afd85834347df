# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups as data: where they are, what there is of one cluster, and moments to which one can go back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from ..paths import BACKUP_SETTINGS

BackupKind = Literal["full", "incremental"]
#: immediate: as soon as the copy is whole. latest: as far as the archive goes.
TargetType = Literal["time", "name", "immediate", "latest"]


@dataclass(frozen=True)
class Bucket:
    """A place elsewhere that speaks S3."""

    endpoint: str
    bucket: str
    key: str = field(repr=False, default="")
    secret: str = field(repr=False, default="")
    region: str = "us-east-1"
    #: Below which everything is, so that several hosts share a bucket.
    prefix: str = ""
    #: The certificate of whoever has signed the endpoint's; empty: what the host trusts.
    ca_file: str = ""
    #: Whether the bucket is a part of the path, not of the host's name.
    by_path: bool = False

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Places:
    """Where this host's backups go."""

    path: str
    passphrase: str = field(repr=False)
    bucket: Bucket | None = None

    def to_json(self) -> dict[str, Any]:
        """Without the passphrase, which has a file of its own."""
        return {"path": self.path, "bucket": self.bucket.to_json() if self.bucket else None}

    @classmethod
    def from_json(cls, data: Any, passphrase: str) -> Places | None:
        """None for what cannot be read."""
        try:
            bucket = data["bucket"]
            return cls(str(data["path"]), passphrase, Bucket(**bucket) if bucket else None)
        except (KeyError, TypeError):
            return None


@dataclass(frozen=True)
class Stanza:
    """One cluster with its backups, as PostgreSQL and pgBackRest call it."""

    name: str
    version: str
    port: int
    #: The name of the database in it.
    database: str

    @property
    def config(self) -> str:
        return f"{BACKUP_SETTINGS}/{self.name}.conf"

    @property
    def data(self) -> str:
        return f"/var/lib/postgresql/{self.version}/{self.name}"


@dataclass(frozen=True)
class BackupSet:
    """One finished backup of a cluster, in seconds since 1970."""

    label: str
    kind: BackupKind
    begun: int
    ended: int
    #: What a restore of it brings, and what it takes in its repository.
    size: int
    stored: int
    #: The number of its repository, from 1 on.
    repository: int = 1
    #: Whether pgBackRest found damaged pages while it took it.
    damaged: bool = False
    #: The first file of the log that a restore of it wants.
    first_log: str = ""


@dataclass(frozen=True)
class Archive:
    """How the logs of a cluster arrive in the archive. Times are seconds since 1970; 0: never."""

    is_on: bool
    last: str = ""
    last_at: float = 0.0
    failed_at: float = 0.0
    failures: int = 0

    @property
    def fails(self) -> bool:
        return self.failed_at > self.last_at


@dataclass(frozen=True)
class RestorePoint:
    """A moment of a cluster with a name, which has arrived in the archive."""

    name: str
    lsn: str
    #: Seconds since 1970.
    at: float

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Target:
    """To where a copy is brought. `value` is a time with its zone, or a restore point's name."""

    kind: TargetType = "latest"
    value: str = ""
    #: The number of the repository; 0: pgBackRest chooses.
    repository: int = 0
    #: The label of the backup to begin with; empty: pgBackRest chooses.
    label: str = ""
    #: The timeline to follow, as PostgreSQL counts them; empty: the newest.
    timeline: str = ""


#: What is done of it. copy: files, by restic. verify: everything that there is, read again.
TaskKind = Literal["full", "incremental", "dump", "copy", "verify"]


@dataclass(frozen=True)
class BackupRecord:
    """What is known of one kind of backup of one thing. Times are seconds since 1970; 0: never."""

    #: Since when it is to be done.
    since: float
    #: When the last one that ended well began, how long it took, and what it takes in its repository.
    at: float = 0.0
    seconds: float = 0.0
    size: int = 0
    #: The first that failed after that, and why the last did.
    failed_at: float = 0.0
    why: str = ""

    @property
    def counts_from(self) -> float:
        """From when on its age is counted: what was never done is as old as the wish."""
        return self.at or self.since

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: Any) -> BackupRecord | None:
        """None for what is none."""
        try:
            return cls(
                float(data["since"]),
                float(data["at"]),
                float(data["seconds"]),
                int(data["size"]),
                float(data["failed_at"]),
                str(data["why"]),
            )
        except (KeyError, TypeError, ValueError):
            return None
