# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports between the engine and the host: everything the engine can observe or change, as protocols.

Adapters implement them on a real host. Tests use fakes, which can make any single step fail.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from .releases.runtime import ProbeCounts

if TYPE_CHECKING:
    from .env.secret_ages import SecretRecord
    from .errors import Problem
    from .paths import Paths
    from .planning.cleanup import DiskItem, HostUsage, Removal, Settings
    from .planning.databases.clusters import Cluster
    from .planning.deploy import SourceEntry
    from .planning.disk_usage import Sample
    from .planning.networks import Blocks, Route
    from .planning.source_view import Build, SourceFile, SourceText
    from .planning.witnesses import Word
    from .releases.backups import Archive, BackupKind, BackupRecord, BackupSet, Places, RestorePoint, Stanza, Target
    from .releases.catalog import Catalog
    from .releases.copied import Copied, Present
    from .releases.databases import DatabaseStatus, FoundCluster, Kept, KeptAll
    from .releases.drills import Drill, DrillsAll
    from .releases.endpoints import Asked, Came
    from .releases.events import Event
    from .releases.host_recovery import Copy, HostRecovery, Known
    from .releases.jobs import JobNote
    from .releases.logs import Line, Source, Wish
    from .releases.reach import Reach
    from .releases.rehearsal import Finding, Rehearsal
    from .releases.release import Entry, Live, Release
    from .releases.replicas import Scale
    from .releases.restores import Restored, RestoredAll
    from .releases.runs import Carried, Process, Run, RunContainer
    from .releases.runtime import (
        Answer,
        BuildResult,
        Container,
        Handle,
        Image,
        Placed,
        ProbeTarget,
        ServiceContainer,
    )
    from .releases.schema import AppSchema
    from .releases.scratch import LockSample, Rows, Scratch, ScratchWanted
    from .releases.slot import StandbyNote
    from .stack.flags import FlagChange, State
    from .stack.maintenance import Maintenance
    from .stack.model import EnvironmentName, Slot, Stack
    from .stack.place import Place, Provided
    from .stack.tls import CertificatePair


class DockerPort(Protocol):
    def image(self, reference: str) -> Image | None: ...
    def image_with_label(self, label: str, value: str) -> Image | None: ...
    def tag(self, image: str, repository: str, tag: str) -> None: ...
    def untag(self, reference: str) -> None: ...
    def containers(self, stack: str, environment: EnvironmentName, slot: Slot | None = None) -> list[Container]: ...
    def placed(self, stack: str, environment: EnvironmentName) -> list[Placed]: ...
    def export(self, images: Sequence[str]) -> AbstractContextManager[IO[bytes]]: ...
    def create_and_start(self, compose_file: str, project_directory: str, services: Sequence[str]) -> None: ...
    def start(self, containers: Iterable[Handle]) -> None: ...
    def stop(self, containers: Iterable[Handle], seconds: Mapping[str, int]) -> None: ...
    def logs(self, container: Handle, lines: int) -> list[str]: ...
    def run(self, container: Handle, command: Sequence[str], seconds: float) -> tuple[int, str]: ...
    def services(self, stack: str, environment: EnvironmentName) -> list[ServiceContainer]: ...
    def remove(self, container: Handle) -> None: ...
    def pull(self, image: str) -> None: ...
    def provide_network(self, name: str, subnet: str, labels: Mapping[str, str]) -> None: ...
    def private_network(self, name: str, subnet: str, labels: Mapping[str, str]) -> None: ...
    def remove_network(self, name: str) -> None: ...
    def provide_volume(self, name: str, user: int, labels: Mapping[str, str]) -> None: ...
    def last_exit(self, container: Container) -> int: ...
    def environment(self, container: str) -> tuple[dict[str, str], dict[str, str]]: ...

    def build(
        self, compose_file: str, apps: Sequence[str], fresh: bool, log: Callable[[str], None]
    ) -> list[BuildResult]: ...


class OneOffPort(Protocol):
    """Containers that run once, beside the slots."""

    def start(self, compose_file: str, project_directory: str, service: str) -> None: ...
    def create(self, compose_file: str, project_directory: str, service: str, *, reads: bool) -> str: ...
    def found(self, stack: str, environment: EnvironmentName) -> list[RunContainer]: ...
    def stop(self, container: RunContainer, seconds: int) -> None: ...
    def output(self, container: RunContainer, lines: int, *, only_stdout: bool = False) -> list[str]: ...
    def remove(self, container: RunContainer) -> None: ...


class RunsPort(Protocol):
    """What is kept of one-off runs: their records, and what one that goes on was created from."""

    def records(self, stack: str) -> list[Run]: ...
    def record(self, stack: str, run: str) -> Run | None: ...
    def write(self, run: Run) -> None: ...
    def place(self, run: Run, compose: Mapping[str, Any]) -> str: ...
    def write_env(self, run: Run, env: Mapping[str, bytes]) -> None: ...
    def home(self, run: Run) -> str: ...
    def going(self, stack: str) -> list[Run]: ...
    def clear(self, run: Run) -> None: ...
    def notes(self, stack: str) -> dict[tuple[str, str], JobNote]: ...
    def set_note(self, stack: str, environment: EnvironmentName, job: str, note: JobNote) -> None: ...


class SchedulePort(Protocol):
    """Timers of jobs: one for each job with a schedule of each live release. They survive a reboot."""

    def provide(self, stack: str, environment: EnvironmentName, schedules: Mapping[str, str]) -> bool: ...
    def upcoming(self, schedule: str, after: float, number: int) -> list[float]: ...


class StreamPort(Protocol):
    """What a process in a container reads and writes."""

    def close(self) -> None: ...


class ConsolePort(Protocol):
    """Commands that a person waits for, and the terminal or pipes of that person."""

    def is_terminal(self) -> bool: ...
    def has_input(self) -> bool: ...
    def attach(self, container: str, *, tty: bool, reads: bool) -> StreamPort: ...
    def go(self, container: str) -> None: ...
    def prepare(self, container: str, command: Sequence[str], *, tty: bool, reads: bool) -> str: ...
    def begin(self, process: str, *, tty: bool) -> StreamPort: ...
    def process(self, process: str) -> Process | None: ...
    def end(self, process: str, container: str, seconds: float) -> None: ...
    def carry(self, stream: Any, line: int | None, *, reads: bool) -> Carried: ...


class RouterPort(Protocol):
    def version(self) -> str: ...
    def live(self, stack: str, environment: EnvironmentName) -> Live | None: ...
    def file(self, stack: str, environment: EnvironmentName) -> Word: ...
    def memory(self, stack: str, environment: EnvironmentName) -> Word | None: ...
    def problem(self) -> Problem | None: ...
    def set_live(self, stack: str, environment: EnvironmentName, live: Live | None) -> None: ...
    def write_file(self, stack: str, environment: EnvironmentName, live: Live | None) -> None: ...
    def reach(self, stack: str, environment: EnvironmentName) -> dict[Slot, dict[str, Reach]]: ...

    def set_reach(
        self, stack: str, environment: EnvironmentName, slots: Mapping[Slot, Mapping[str, Reach]]
    ) -> None: ...

    def write_reach(
        self, stack: str, environment: EnvironmentName, slots: Mapping[Slot, Mapping[str, Reach]]
    ) -> None: ...

    def lacks_reach(self, stack: str, environment: EnvironmentName) -> bool: ...
    def knows_replicas(self, stack: str, environment: EnvironmentName, app: str) -> bool: ...

    def trust_replicas(
        self, stack: str, environment: EnvironmentName, slot: Slot, counts: Mapping[str, int]
    ) -> None: ...

    def replica_sessions(self, stack: str, environment: EnvironmentName, slot: Slot, app: str) -> dict[int, int]: ...
    def lacks_closed(self, stack: str, environment: EnvironmentName) -> bool: ...
    def closed(self, stack: str, environment: EnvironmentName) -> dict[str, str]: ...

    def set_closed(
        self, stack: str, environment: EnvironmentName, routes: Mapping[str, str], *, must_run: bool = True
    ) -> None: ...

    def sessions(self, stack: str, environment: EnvironmentName, slot: Slot) -> dict[str, int]: ...


class MaintenancePort(Protocol):
    """What is closed for visitors: the record, the router's maps of it, and the timer of its end."""

    def recorded(self, stack: str, environment: EnvironmentName) -> list[Maintenance]: ...
    def record(self, stack: str, environment: EnvironmentName, found: Sequence[Maintenance]) -> None: ...
    def problem(self, stack: str, environment: EnvironmentName) -> Problem | None: ...
    def lacks_maps(self, stack: str, environment: EnvironmentName) -> bool: ...
    def maps(self, stack: str, environment: EnvironmentName) -> tuple[dict[str, str], dict[str, str]]: ...

    def set_maps(
        self,
        stack: str,
        environment: EnvironmentName,
        closed: Mapping[str, str],
        allowed: Mapping[str, str],
        *,
        must_run: bool = True,
    ) -> None: ...

    def arm(self, stack: str, environment: EnvironmentName, seconds: float) -> None: ...
    def disarm(self, stack: str, environment: EnvironmentName) -> None: ...


class GitPort(Protocol):
    def problem(self, stack: Stack) -> str: ...
    def fetch(self, stack: Stack) -> None: ...
    def resolve(self, stack: Stack, names: Collection[str]) -> dict[str, str]: ...
    def entries(self, stack: Stack, commit: str, paths: Collection[str]) -> dict[str, SourceEntry]: ...

    def files(self, stack: Stack, commit: str, folders: Collection[str]) -> list[SourceFile]: ...
    def contents(self, stack: Stack, numbers: Sequence[str]) -> dict[str, bytes]: ...

    def texts(
        self, stack: Stack, commit: str, folders: Collection[str], wanted: Callable[[str, int], bool]
    ) -> Iterator[SourceText]: ...

    def sweep(self, stack: Stack) -> None: ...
    def lay_out(self, stack: Stack, commit: str, builds: Sequence[Build]) -> AbstractContextManager[str]: ...

    def show(self, stack: Stack, commit: str, reserved: Collection[str]) -> str: ...


class ProbePort(Protocol):
    def health(self, port: int, path: str, host: str = "localhost", address: str = "127.0.0.1") -> Answer: ...
    def edge(self, target: ProbeTarget) -> Answer: ...
    def service(self, address: str, port: int, path: str) -> Answer: ...


class EndpointPort(Protocol):
    """Asking what the outside was promised."""

    def ask(self, asked: Asked) -> Came: ...
    def search(self, pattern: str, text: str) -> bool | None: ...


class NoEndpoints:
    """A host on which nothing answers."""

    def ask(self, asked: Asked) -> Came:
        return Came(silence="refused")

    def search(self, pattern: str, text: str) -> bool | None:
        return None


class StorePort(Protocol):
    def releases(self, stack: str) -> list[Entry]: ...
    def release_names(self, stack: str) -> list[str]: ...
    def slot_files(self, stack: Stack, environment: EnvironmentName, slot: Slot) -> dict[str, bytes]: ...
    def slot_release(self, stack: str, environment: EnvironmentName, slot: Slot) -> str: ...
    def troubles(self, stack: str) -> list[Problem]: ...
    def restore_release(self, stack: Stack, release: Release) -> None: ...

    def write_release(
        self,
        stack: Stack,
        release: Release,
        env: Mapping[str, bytes],
        routes: bytes | None,
        pages: Mapping[str, bytes] | None = None,
    ) -> None: ...

    def release_pages(self, stack: Stack, release: str) -> dict[str, bytes]: ...
    def release_env(self, stack: Stack, release: str) -> dict[str, bytes]: ...
    def set_status(self, stack: Stack, entry: Entry) -> None: ...
    def config_env(self, stack: Stack, environment: EnvironmentName) -> dict[str, bytes | None]: ...
    def private_key(self, stack: Stack) -> bytes: ...
    def key_fingerprints(self, stack: Stack) -> dict[str, str | None]: ...

    def write_slot(
        self, stack: Stack, environment: EnvironmentName, slot: Slot, compose: dict[str, Any], env: Mapping[str, bytes]
    ) -> None: ...
    def slot_compose_path(self, stack: Stack, environment: EnvironmentName, slot: Slot) -> str: ...
    def slot_compose(self, stack: str, environment: EnvironmentName, slot: Slot) -> dict[str, Any]: ...
    def service_path(self, stack: Stack, environment: EnvironmentName, service: str, created_from: str) -> str: ...

    def write_service(
        self,
        stack: Stack,
        environment: EnvironmentName,
        service: str,
        created_from: str,
        compose: dict[str, Any],
        env: bytes,
    ) -> None: ...
    def has_service(self, stack: Stack, environment: EnvironmentName, service: str, created_from: str) -> bool: ...
    def keep_service(self, stack: Stack, environment: EnvironmentName, service: str, created_from: str) -> None: ...
    def secret_record(self, stack: Stack) -> SecretRecord: ...
    def flags(self, stack: Stack, environment: EnvironmentName) -> State: ...
    def set_flags(self, stack: Stack, environment: EnvironmentName, known: State, change: FlagChange) -> None: ...

    def set_app_flags(
        self, stack: Stack, environment: EnvironmentName, app: str, values: Mapping[str, bool], *, write: bool = True
    ) -> str: ...

    def searched(self, stack: Stack) -> dict[str, str]: ...
    def set_searched(self, stack: Stack, known: Mapping[str, str]) -> None: ...
    def set_secret_record(self, stack: Stack, record: SecretRecord) -> None: ...
    def write_build(self, home: str, compose: dict[str, Any], secrets: Mapping[str, str]) -> str: ...
    def release_routes(self, stack: Stack, release: str) -> bytes | None: ...
    def networks(self) -> dict[str, Blocks]: ...
    def set_networks(self, stack: str, blocks: Blocks) -> None: ...
    def databases(self, stack: str) -> dict[str, dict[str, Kept]]: ...
    def set_databases(self, stack: str, kept: KeptAll) -> None: ...
    def scales(self, stack: str) -> dict[str, dict[str, Scale]]: ...
    def schemas(self, stack: str) -> dict[str, dict[str, AppSchema]]: ...
    def backup_records(self, stack: str) -> dict[str, BackupRecord]: ...
    def set_backup_records(self, stack: str, records: Mapping[str, BackupRecord]) -> None: ...
    def restore_points(self, stack: str) -> dict[str, dict[str, tuple[RestorePoint, ...]]]: ...

    def add_restore_point(
        self, stack: str, environment: EnvironmentName, database: str, point: RestorePoint, keep_seconds: float
    ) -> None: ...
    def rehearsals(self, stack: str) -> list[Rehearsal]: ...
    def add_rehearsal(self, stack: str, rehearsal: Rehearsal) -> None: ...
    def set_schema(self, stack: str, environment: EnvironmentName, app: str, schema: AppSchema) -> None: ...
    def restored(self, stack: str) -> RestoredAll: ...
    def add_restored(self, stack: str, environment: EnvironmentName, database: str, restored: Restored) -> None: ...
    def drills(self, stack: str) -> DrillsAll: ...
    def add_drill(self, stack: str, drill: Drill) -> None: ...
    def set_scales(self, stack: Stack, environment: EnvironmentName, scales: Mapping[str, Scale]) -> None: ...

    def set_slot_compose(
        self, stack: Stack, environment: EnvironmentName, slot: Slot, compose: Mapping[str, Any]
    ) -> None: ...
    def set_warm(self, stack: Stack, environment: EnvironmentName, note: StandbyNote | None) -> None: ...
    def warm(self, stack: Stack, environment: EnvironmentName) -> StandbyNote | None: ...
    def free_bytes(self) -> int: ...
    def disk_samples(self) -> list[Sample]: ...
    def add_disk_sample(self, sample: Sample) -> list[Sample]: ...


class Survey(NamedTuple):
    """The stacks that can be read, and what is wrong with the others."""

    stacks: list[Stack]
    unreadable: list[Problem]


class StacksPort(Protocol):
    def names(self) -> list[str]: ...
    def choose(self, name: str) -> str: ...
    def load(self, name: str) -> Stack: ...
    def definition(self, name: str) -> Stack: ...
    def survey(self, name: str = "") -> Survey: ...


class HomePort(Protocol):
    """Where a stack lives on the host."""

    def is_there(self, stack: str) -> bool: ...
    def provide(self, place: Place, *, write: bool = True) -> Provided: ...
    def move_earlier(self, stack: Stack) -> list[str]: ...


class DirectoryPort(Protocol):
    """The directory that a stack's owner knows: a view for people."""

    def replace_env_files(self, stack: Stack, files: Mapping[str, bytes], *, write: bool = True) -> list[str]: ...


class DiskPort(Protocol):
    def observe(self, stacks: Sequence[Stack]) -> HostUsage: ...
    def space(self, stacks: Sequence[Stack]) -> tuple[int, int]: ...
    def releases(self, stack: Stack) -> list[DiskItem]: ...
    def used(self, path: str) -> int: ...
    def consumers(self, usage: HostUsage, number: int = 10) -> list[DiskItem]: ...
    def remove(self, removal: Removal, settings: Settings, stacks: Sequence[Stack]) -> str: ...
    def spend_ballast(self) -> None: ...
    def renew_ballast(self, stacks: Sequence[Stack]) -> None: ...
    def settings(self, given: Mapping[str, float | int | None]) -> Settings: ...


class TimerPort(Protocol):
    def arm(self, stack: str, environment: EnvironmentName, seconds: float) -> None: ...
    def arm_grace_period(self, stack: str, seconds: float) -> None: ...
    def disarm_grace_period(self, stack: str) -> None: ...


class EdgePort(Protocol):
    def wanted(self, stack: Stack, environment: EnvironmentName) -> bytes | None: ...
    def live(self, stack: Stack, environment: EnvironmentName) -> bytes | None: ...
    def set_live(self, stack: Stack, environment: EnvironmentName, routes: bytes) -> None: ...
    def set_pages(self, stack: Stack, environment: EnvironmentName, release: str) -> None: ...
    def reload(self) -> None: ...
    def certificate(self, name: str) -> CertificatePair | None: ...
    def set_certificate(self, name: str, pair: CertificatePair) -> bool: ...
    def place_certificate(self, name: str, pair: CertificatePair, *, write: bool = True) -> bool: ...
    def read_certificate(self, certificate_path: str, key_path: str) -> CertificatePair: ...
    def examine(self, pair: CertificatePair, hosts: Iterable[str]) -> datetime.datetime: ...


class ClockPort(Protocol):
    def now(self) -> float: ...
    def monotonic(self) -> float: ...
    def wait(self, seconds: float) -> None: ...


class IntakePort(Protocol):
    """New connections to the apps of an environment."""

    def hold(self, stack: str, environment: EnvironmentName, ports: Collection[int], seconds: float) -> str: ...
    def admit(self, stack: str, environment: EnvironmentName) -> None: ...
    def connections(self, ports: Collection[int]) -> int: ...
    def waiting(self, pids: Collection[int]) -> int: ...


class BackupsPort(Protocol):
    """Backups of PostgreSQL's clusters, and their logs' archive."""

    def version(self) -> tuple[int, ...]: ...
    def configure(self, stanza: Stanza, text: str, *, write: bool) -> bool: ...
    def provide_directory(self, path: str, *, write: bool) -> bool: ...
    def create_stanza(self, stanza: Stanza) -> None: ...
    def take(self, stanza: Stanza, kind: BackupKind, repository: int) -> None: ...
    def info(self, stanza: Stanza, *, seconds: int = 120) -> tuple[BackupSet, ...]: ...
    def verify(self, stanza: Stanza, repository: int) -> list[str]: ...
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


class DatabasePort(Protocol):
    """Clusters of PostgreSQL on the host."""

    def clusters(self) -> dict[str, FoundCluster]: ...
    def usual_version(self) -> str: ...
    def gateway(self) -> str: ...
    def create(self, cluster: Cluster) -> None: ...
    def guard(self, rules: str, *, write: bool) -> bool: ...
    def configure(self, cluster: Cluster, *, write: bool) -> list[str]: ...
    def start(self, cluster: Cluster) -> None: ...
    def load(self, cluster: Cluster) -> list[str]: ...
    def restart(self, cluster: Cluster) -> None: ...
    def create_database(self, cluster: Cluster) -> None: ...
    def grant(self, cluster: Cluster, *, write: bool) -> bool: ...
    def status(self, port: int, database: str) -> DatabaseStatus: ...


class NoDatabases:
    """A host without clusters."""

    def clusters(self) -> dict[str, FoundCluster]:
        return {}

    def usual_version(self) -> str:
        return ""

    def gateway(self) -> str:
        return ""

    def create(self, cluster: Cluster) -> None:
        return None

    def guard(self, rules: str, *, write: bool) -> bool:
        return False

    def configure(self, cluster: Cluster, *, write: bool) -> list[str]:
        return []

    def start(self, cluster: Cluster) -> None:
        return None

    def load(self, cluster: Cluster) -> list[str]:
        return []

    def restart(self, cluster: Cluster) -> None:
        return None

    def create_database(self, cluster: Cluster) -> None:
        return None

    def grant(self, cluster: Cluster, *, write: bool) -> bool:
        return False

    def status(self, port: int, database: str) -> DatabaseStatus:
        raise KeyError(port)


class CatalogPort(Protocol):
    """What databases are like: their tables, columns, constraints."""

    def read(self, port: int, database: str) -> Catalog: ...


class NoCatalogs:
    """A host that says nothing of its databases."""

    def read(self, port: int, database: str) -> Catalog:
        raise KeyError(port)


class ScratchPort(Protocol):
    """Copies of clusters, to try something on; and what is seen of one meanwhile."""

    def found(self) -> list[str]: ...
    def running(self, name: str) -> Scratch | None: ...
    def make(self, wanted: ScratchWanted, fill: Callable[[str], None]) -> Scratch: ...
    def remove(self, name: str) -> None: ...
    def copy(self, port: int) -> Callable[[str], None]: ...
    def watched(self, scratch: Scratch, database: str) -> AbstractContextManager[list[LockSample]]: ...
    def recorded(self, scratch: Scratch, database: str) -> AbstractContextManager[list[str]]: ...
    def rows(self, scratch: Scratch, database: str) -> dict[str, Rows]: ...


class NoScratch:
    """A host that has no copies and makes none."""

    def found(self) -> list[str]:
        return []

    def running(self, name: str) -> Scratch | None:
        return None

    def make(self, wanted: ScratchWanted, fill: Callable[[str], None]) -> Scratch:
        raise KeyError(wanted.name)

    def remove(self, name: str) -> None:
        return None

    def copy(self, port: int) -> Callable[[str], None]:
        raise KeyError(port)

    def watched(self, scratch: Scratch, database: str) -> AbstractContextManager[list[LockSample]]:
        raise KeyError(scratch.name)

    def recorded(self, scratch: Scratch, database: str) -> AbstractContextManager[list[str]]:
        raise KeyError(scratch.name)

    def rows(self, scratch: Scratch, database: str) -> dict[str, Rows]:
        raise KeyError(scratch.name)


class LinterPort(Protocol):
    """Who knows statements that lock a table for long."""

    def findings(self, statements: Sequence[str], version: str) -> tuple[Finding, ...]: ...


class NoLinter:
    """A host on which nobody does."""

    def findings(self, statements: Sequence[str], version: str) -> tuple[Finding, ...]:
        return ()


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


class MachinePort(Protocol):
    """The host itself: its services, and who listens where."""

    def stopped(self, services: Sequence[str]) -> list[str]: ...
    def holders(self, ports: Collection[int]) -> dict[int, str]: ...
    def listeners(self, pid: int) -> list[str]: ...
    def missing(self, paths: Collection[str]) -> list[str]: ...
    def routes(self) -> list[Route]: ...


class NoMachine:
    """A host that nothing is asked about."""

    def stopped(self, services: Sequence[str]) -> list[str]:
        return []

    def holders(self, ports: Collection[int]) -> dict[int, str]:
        return {}

    def listeners(self, pid: int) -> list[str]:
        return []

    def missing(self, paths: Collection[str]) -> list[str]:
        return []

    def routes(self) -> list[Route]:
        return []


class RoomPort(Protocol):
    def make(
        self,
        host: Host,
        stack: Stack,
        environment: EnvironmentName,
        floor_gb: float,
        keep_images: Collection[str],
        person: str,
    ) -> str: ...


class NoRoom:
    """A host on which nothing may be removed."""

    def make(
        self,
        host: Host,
        stack: Stack,
        environment: EnvironmentName,
        floor_gb: float,
        keep_images: Collection[str],
        person: str,
    ) -> str:
        return "no cleanup here"


class ScannerPort(Protocol):
    def version(self) -> str: ...
    def scan(self, directory: str) -> list[tuple[str, str]]: ...


class NoScanner:
    """A host without gitleaks."""

    def version(self) -> str:
        return ""

    def scan(self, directory: str) -> list[tuple[str, str]]:
        return []


class AvailabilityPort(Protocol):
    def watch(self, asked: Sequence[ProbeTarget]) -> AbstractContextManager[ProbeCounts]: ...


class NoAvailability:
    """Availability is not measured."""

    def watch(self, asked: Sequence[ProbeTarget]) -> AbstractContextManager[ProbeCounts]:
        return nullcontext(ProbeCounts())


class NotifierPort(Protocol):
    def notify(self, event: Event, wait: bool = False) -> None: ...
    def troubles(self) -> list[str]: ...
    def test(self, event: Event) -> Iterable[tuple[str, str]]: ...


class NoNotifier:
    """Nobody is notified."""

    def notify(self, event: Event, wait: bool = False) -> None:
        return None

    def troubles(self) -> list[str]:
        return []

    def test(self, event: Event) -> Iterable[tuple[str, str]]:
        return []


class PagePort(Protocol):
    def renew(self, stack: str) -> None: ...
    def is_wanted(self, stack: str) -> bool: ...
    def write(self, stack: str, name: str, data: bytes) -> None: ...


class NoPage:
    """A host without status pages."""

    def renew(self, stack: str) -> None:
        return None

    def is_wanted(self, stack: str) -> bool:
        return False

    def write(self, stack: str, name: str, data: bytes) -> None:
        return None


class LogReader(Protocol):
    """The lines of one source, read from wherever it was left."""

    @property
    def ended(self) -> bool: ...
    @property
    def troubles(self) -> list[str]: ...
    def read(self) -> list[Line]: ...
    def tail(self, number: int, asked: Wish) -> list[Line]: ...
    def close(self) -> None: ...


class LogsPort(Protocol):
    """What apps, services, jobs and builds have written."""

    def sources(self, stack: str) -> list[Source]: ...
    def open(self, source: Source, since: int) -> LogReader: ...


class NoLogs:
    """A host on which nothing has written lines."""

    def sources(self, stack: str) -> list[Source]:
        return []

    def open(self, source: Source, since: int) -> LogReader:
        raise KeyError(source.id)


@dataclass(frozen=True)
class Host:
    """All adapters together: operations reach the host only through these."""

    paths: Paths
    docker: DockerPort
    router: RouterPort
    git: GitPort
    probe: ProbePort
    store: StorePort
    disk: DiskPort
    stacks: StacksPort
    directory: DirectoryPort
    home: HomePort
    clock: ClockPort
    timer: TimerPort
    edge: EdgePort
    maintenance: MaintenancePort
    one_off: OneOffPort
    runs: RunsPort
    schedule: SchedulePort
    console: ConsolePort
    intake: IntakePort
    machine: MachinePort = field(default_factory=NoMachine)
    room: RoomPort = field(default_factory=NoRoom)
    scanner: ScannerPort = field(default_factory=NoScanner)
    availability: AvailabilityPort = field(default_factory=NoAvailability)
    notifier: NotifierPort = field(default_factory=NoNotifier)
    page: PagePort = field(default_factory=NoPage)
    logs: LogsPort = field(default_factory=NoLogs)
    endpoints: EndpointPort = field(default_factory=NoEndpoints)
    database: DatabasePort = field(default_factory=NoDatabases)
    backups: BackupsPort = field(default_factory=NoBackups)
    backup_timer: BackupTimerPort = field(default_factory=NoBackupTimer)
    copies: CopiesPort = field(default_factory=NoCopies)
    backup_places: BackupPlacesPort = field(default_factory=NoBackupPlaces)
    copied: CopiedPort = field(default_factory=NoCopied)
    catalogs: CatalogPort = field(default_factory=NoCatalogs)
    scratch: ScratchPort = field(default_factory=NoScratch)
    linter: LinterPort = field(default_factory=NoLinter)
    restores: RestoresPort = field(default_factory=NoRestores)
    salvage: SalvagePort = field(default_factory=NoSalvage)
    #: The host's memory; 0 if it is not known.
    memory_bytes: int = 0
