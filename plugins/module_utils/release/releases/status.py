# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs where: the status of a stack as typed data, for the terminal, the status page and programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..stack.model import EnvironmentName, Slot
from .jobs import JobStatus
from .lock_holder import LockHolder
from .release import Entry, ReleaseStatus, seconds_of

if TYPE_CHECKING:
    from .databases import DatabaseStatus


@dataclass(frozen=True)
class AppStatus:
    """One app of an environment.

    `state` is Docker's word for the container, `missing` if there is none although the release has the app, and
    `absent` if the live release does not have the app.
    """

    state: str = "absent"
    healthy: bool = False
    cause: str = ""
    #: First digits of the image ID, and of the commit it was built from.
    image: str = ""
    commit: str = ""
    restarts: int = 0
    #: The app that the image was built for, if it is another one.
    image_of: str = ""
    #: How many equal containers there are to be, and how many are well.
    replicas: int = 1
    healthy_replicas: int = 0
    #: Who asked for this number in place of the stack's own; empty if it is that.
    scaled: str = ""

    @property
    def is_absent(self) -> bool:
        return self.state == "absent"

    @property
    def is_unhealthy(self) -> bool:
        return not self.is_absent and not self.healthy


@dataclass(frozen=True)
class OperationSummary:
    """One operation, from its journal. `at` is its start in seconds since the epoch; `seconds` is None without an end.

    `outcome` is succeeded, failed, refused, nothing, undone, running or interrupted.
    """

    operation: str
    environment: EnvironmentName
    at: float
    seconds: float | None
    person: str
    reason: str
    outcome: str
    message: str
    release: str


@dataclass(frozen=True)
class ReleaseSummary:
    """One release of the history. `since` is the timestamp of its last change of status."""

    release: str
    environment: EnvironmentName
    status: ReleaseStatus
    since: str
    via: str
    commit: str
    version: str
    person: str
    reason: str
    apps: int
    skipped_gates: tuple[str, ...]

    @classmethod
    def of(cls, entry: Entry) -> ReleaseSummary:
        release = entry.release
        return cls(
            release=release.id,
            environment=release.environment,
            status=entry.status,
            since=entry.since,
            via=entry.via,
            commit=release.commit[:12],
            version=release.version,
            person=release.person,
            reason=release.reason,
            apps=len(release.images),
            skipped_gates=release.skipped_gates,
        )

    @property
    def created_at(self) -> float | None:
        """Seconds since the epoch, or None if the id names no moment."""
        return seconds_of(self.release)

    @property
    def changed_at(self) -> float | None:
        """Seconds since the epoch of the last change of status, or None if it is not known."""
        return seconds_of(self.since)


@dataclass(frozen=True)
class EnvironmentStatus:
    """What is live in an environment, how each app is, and what is in progress. Texts are empty if nothing is live."""

    release: str = ""
    slot: Slot | Literal[""] = ""
    commit: str = ""
    version: str = ""
    #: Since when it is live, as a timestamp and in seconds, and the operation that made it so.
    since: str = ""
    age_seconds: float = 0.0
    via: str = ""
    ports: tuple[int, ...] = ()
    #: The addresses of its containers: what the next release gets. What runs from before may have others.
    network: str = ""
    apps: dict[str, AppStatus] = field(default_factory=dict)
    moved_tags: tuple[str, ...] = ()
    running_operation: LockHolder | None = None
    services: dict[str, AppStatus] = field(default_factory=dict)
    jobs: dict[str, JobStatus] = field(default_factory=dict)
    #: What is applied in the database of each app that has migrations, when it was asked last; and what is wrong there.
    schemas: dict[str, str] = field(default_factory=dict)
    schema_troubles: dict[str, str] = field(default_factory=dict)
    #: What `services.yml` would change, as sentences.
    service_changes: tuple[str, ...] = ()
    databases: dict[str, DatabaseStatus] = field(default_factory=dict)
    #: How old its backups are, as sentences; and what is wrong with them.
    backups: tuple[str, ...] = ()
    backup_troubles: tuple[str, ...] = ()
    #: Names of journals without an end.
    unfinished: tuple[str, ...] = ()
    #: The newest ones, newest first.
    operations: tuple[OperationSummary, ...] = ()

    @property
    def unhealthy_apps(self) -> list[str]:
        return [name for name, app in self.apps.items() if app.is_unhealthy]

    @property
    def unhealthy_services(self) -> list[str]:
        return [name for name, service in self.services.items() if service.is_unhealthy]

    @property
    def silent_databases(self) -> list[str]:
        return [name for name, one in self.databases.items() if one.is_silent]


@dataclass(frozen=True)
class RollbackPreview:
    """What a rollback of production would do now: where `to` and what `changes`, or why it cannot (`text`)."""

    possible: bool
    to: str = ""
    commit: str = ""
    changes: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class KeyRotationStatus:
    """The last key rotation. The previous public key is valid until `until`, the end of the grace period."""

    since: str
    until: str
    #: The grace period has not ended; the rotation was interrupted; the grace period is past its deadline.
    running: bool
    interrupted: bool
    late: bool
    hours_left: float
    #: Environments whose containers still hold the previous pair.
    old_pair_in: tuple[str, ...]


@dataclass(frozen=True)
class StatusReport:
    """Everything that `status.yml` shows of one stack."""

    stack: str
    environments: dict[str, EnvironmentStatus]
    rollback: RollbackPreview
    history: tuple[ReleaseSummary, ...] = ()
    #: Sentences: secrets that are due for rotation, feature flags that are set, notifications that failed.
    due: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    #: What is closed for visitors, one sentence each.
    maintenance: tuple[str, ...] = ()
    #: Addresses that have ended, or soon will, one sentence each.
    addresses: tuple[str, ...] = ()
    notifications: tuple[str, ...] = ()
    #: Witnesses of what is live that disagree, and files of the engine that are damaged.
    damage: tuple[str, ...] = ()
    #: The copies that values came from when provisioning was offline.
    offline: str = ""
    keys: KeyRotationStatus | None = None
    free_gb: float = 0.0
    floor_gb: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The report as JSON: what the module `status` returns and `onehost status --json` prints."""
        return asdict(self)
