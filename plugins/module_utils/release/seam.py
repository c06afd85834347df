# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The seam between the engine and the host: everything the engine can observe or change, as protocols.

The adapters (`docker`, `switch`, `git`, `probe`, `store`) keep them on a real host; tests put their own behind them
and can make any single step fail.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import IO, Any, Protocol

from .events import Event
from .release import Entry, Live, Release
from .stack import Stack


@dataclass(frozen=True)
class Image:
    """An image as the engine on the host knows it. `id` is the truth; tags move."""

    id: str
    labels: Mapping[str, str]
    size: int


@dataclass(frozen=True)
class Container:
    """A container of a slot. `state` is Docker's word (created, running, restarting, exited, …)."""

    id: str
    app: str
    slot: str
    release: str
    created_from: str
    image: str
    state: str
    exit_code: int
    restarts: int
    started: str

    @property
    def started_at(self) -> float:
        """The latest start in seconds since the epoch; Docker writes nanoseconds, which Python does not read."""
        whole, _dot, fraction = self.started.rstrip("Z").partition(".")
        return datetime.datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. status 0 means that there was none, and `error` says why. `flag` is the feature switch that has
    closed the route, in whose name the switch answered."""

    status: int
    release: str = ""
    body: str = ""
    error: str = ""
    flag: str = ""

    def __str__(self) -> str:
        if self.status == 0:
            return self.error
        return f"HTTP {self.status} {self.body}".strip()


#: What the edge is asked: a public port, a host name, a path, and whether the port speaks TLS.
Question = tuple[int, str, str, bool]


@dataclass
class Seen:
    """What a witness saw of the public side while an operation ran."""

    asked: int = 0
    failed: int = 0
    down_seconds: float = 0.0


@dataclass(frozen=True)
class BuildResult:
    """How the build of one app ended. `step` is the failing Dockerfile step; `log` the last lines, oldest first."""

    app: str
    seconds: float
    ok: bool
    step: str = ""
    log: tuple[str, ...] = ()


class DockerPort(Protocol):
    def image(self, reference: str) -> Image | None: ...
    def image_with_label(self, label: str, value: str) -> Image | None: ...
    def tag(self, image: str, repository: str, tag: str) -> None: ...
    def untag(self, reference: str) -> None: ...
    def containers(self, stack: str, environment: str, slot: str | None = None) -> list[Container]: ...
    def export(self, images: Sequence[str]) -> AbstractContextManager[IO[bytes]]: ...
    def create_and_start(self, compose_file: str, project_directory: str, services: Sequence[str]) -> None: ...
    def start(self, containers: Iterable[Container]) -> None: ...
    def stop(self, containers: Iterable[Container], seconds: Mapping[str, int]) -> None: ...
    def logs(self, container: Container, lines: int) -> list[str]: ...

    def build(
        self, compose_file: str, apps: Sequence[str], fresh: bool, tell: Callable[[str], None]
    ) -> list[BuildResult]: ...


class SwitchPort(Protocol):
    def live(self, stack: str, environment: str) -> Live | None: ...
    def set_live(self, stack: str, environment: str, live: Live | None) -> None: ...
    def closed(self, stack: str, environment: str) -> dict[str, str]: ...
    def set_closed(self, stack: str, environment: str, routes: Mapping[str, str], *, must_run: bool = True) -> None: ...
    def sessions(self, stack: str, environment: str, slot: str) -> dict[str, int]: ...


class GitPort(Protocol):
    def problem(self, stack: Stack) -> str: ...
    def fetch(self, stack: Stack) -> None: ...
    def resolve(self, stack: Stack, version: str) -> str | None: ...
    def local_changes(self, stack: Stack) -> list[str]: ...
    def tracked(self, stack: Stack, commit: str, paths: Sequence[str]) -> list[str]: ...
    def tree(self, stack: Stack, commit: str, path: str) -> str | None: ...
    def read(self, stack: Stack, commit: str, path: str) -> str | None: ...
    def checkout(self, stack: Stack, commit: str) -> None: ...


class ProbePort(Protocol):
    def health(self, port: int, path: str) -> Answer: ...
    def edge(self, port: int, host: str, path: str, *, tls: bool = False) -> Answer: ...


class StorePort(Protocol):
    def releases(self, stack: Stack) -> list[Entry]: ...

    def write_release(self, stack: Stack, release: Release, env: Mapping[str, bytes], routes: bytes | None) -> None: ...

    def release_env(self, stack: Stack, release: str) -> dict[str, bytes]: ...
    def set_status(self, stack: Stack, release: str, status: str, via: str, moment: str) -> None: ...
    def config_env(self, stack: Stack, environment: str) -> dict[str, bytes | None]: ...
    def key_fingerprints(self, stack: Stack) -> dict[str, str | None]: ...

    def write_slot(
        self, stack: Stack, environment: str, slot: str, compose: dict[str, Any], env: Mapping[str, bytes]
    ) -> None: ...
    def slot_compose_path(self, stack: Stack, environment: str, slot: str) -> str: ...
    def secret_record(self, stack: Stack) -> dict[str, Any]: ...
    def flags(self, stack: Stack, environment: str) -> dict[str, dict[str, Any]]: ...
    def searched(self, stack: Stack) -> dict[str, str]: ...
    def set_searched(self, stack: Stack, known: Mapping[str, str]) -> None: ...
    def set_secret_record(self, stack: Stack, record: dict[str, Any]) -> None: ...
    def write_build(self, stack: Stack, compose: dict[str, Any]) -> str: ...
    def release_routes(self, stack: Stack, release: str) -> bytes | None: ...
    def set_warm(self, stack: Stack, environment: str, note: dict[str, Any] | None) -> None: ...
    def warm(self, stack: Stack, environment: str) -> dict[str, Any] | None: ...
    def free_bytes(self, path: str) -> int: ...


class TimerPort(Protocol):
    def arm(self, stack: str, environment: str, seconds: float) -> None: ...
    def arm_overlap(self, stack: str, seconds: float) -> None: ...
    def disarm_overlap(self, stack: str) -> None: ...


class EdgePort(Protocol):
    def wanted(self, stack: Stack, environment: str) -> bytes | None: ...
    def live(self, stack: Stack, environment: str) -> bytes | None: ...
    def set_live(self, stack: Stack, environment: str, routes: bytes) -> None: ...


class ClockPort(Protocol):
    def now(self) -> float: ...
    def monotonic(self) -> float: ...
    def wait(self, seconds: float) -> None: ...


class RoomPort(Protocol):
    def make(
        self, host: Host, stack: Stack, environment: str, floor_gb: float, keep_images: Collection[str], person: str
    ) -> str: ...


class NoRoom:
    """A host on which nothing may be removed."""

    def make(
        self, host: Host, stack: Stack, environment: str, floor_gb: float, keep_images: Collection[str], person: str
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


class WitnessPort(Protocol):
    def watch(self, asked: Sequence[Question]) -> AbstractContextManager[Seen]: ...


class NoWitness:
    """Nobody looks on."""

    def watch(self, asked: Sequence[Question]) -> AbstractContextManager[Seen]:
        return nullcontext(Seen())


class NotifyPort(Protocol):
    def tell(self, event: Event, wait: bool = False) -> None: ...
    def troubles(self) -> list[str]: ...


class NoNotify:
    """Nobody wants to know."""

    def tell(self, event: Event, wait: bool = False) -> None:
        return None

    def troubles(self) -> list[str]:
        return []


class PagePort(Protocol):
    def renew(self, stack: str) -> None: ...


class NoPage:
    """A host without status pages."""

    def renew(self, stack: str) -> None:
        return None


@dataclass(frozen=True)
class Host:
    """All adapters together: the only way in which operations reach the host."""

    docker: DockerPort
    switch: SwitchPort
    git: GitPort
    probe: ProbePort
    store: StorePort
    clock: ClockPort
    timer: TimerPort
    edge: EdgePort
    room: RoomPort = field(default_factory=NoRoom)
    scanner: ScannerPort = field(default_factory=NoScanner)
    witness: WitnessPort = field(default_factory=NoWitness)
    notify: NotifyPort = field(default_factory=NoNotify)
    page: PagePort = field(default_factory=NoPage)
