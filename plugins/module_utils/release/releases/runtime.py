# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Docker, apps and the edge return: images, containers, HTTP answers, probes, builds."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..stack.model import Slot
from ..stack.replicas import unit


@dataclass(frozen=True)
class Image:
    """An image as Docker knows it. `id` is authoritative; tags move."""

    id: str
    labels: Mapping[str, str]
    size: int


class ImageLayer(NamedTuple):
    """A layer of images: the digest of its content, and the directory that has its files."""

    digest: str
    place: str


class LaidOut(NamedTuple):
    """An image whose layers lie in directories: configuration and history as JSON, and the layers from the lowest."""

    about: bytes
    layers: tuple[ImageLayer, ...]


@dataclass(frozen=True)
class Placed:
    """Where a container is, and whether it runs: what Docker's list tells, without a question for each."""

    slot: Slot
    release: str
    state: str


@dataclass(frozen=True)
class Container:
    """A container of a slot. `state` is Docker's word (created, running, restarting, exited, …)."""

    id: str
    app: str
    slot: Slot
    release: str
    created_from: str
    image: str
    state: str
    exit_code: int
    restarts: int
    started: str
    #: For how long its process has run, by a clock that nobody can set; 0 if it does not run.
    up_seconds: float = 0.0
    #: What Docker's own health check says (starting, healthy, unhealthy), and its last output; empty if it has none.
    health: str = ""
    health_said: str = ""
    #: The command of that check, as an image or `compose.healthcheck` has it.
    health_test: tuple[str, ...] = ()
    #: Its first process on the host; 0 if it does not run.
    pid: int = 0
    #: Which of the equal containers of its app it is, from 1.
    replica: int = 1

    @property
    def unit(self) -> str:
        """Its name in the slot: the app's, or that of one of its replicas."""
        return unit(self.app, self.replica)

    @property
    def place(self) -> Placed:
        return Placed(self.slot, self.release, self.state)

    @property
    def started_at(self) -> float:
        """The latest start in seconds since the epoch. Docker writes nanoseconds, which Python does not parse."""
        whole, _dot, fraction = self.started.rstrip("Z").partition(".")
        return datetime.datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")


@dataclass(frozen=True)
class ServiceContainer:
    """The container of a service. `app` is its name, as for the containers of apps."""

    id: str
    app: str
    created_from: str
    image: str
    state: str
    exit_code: int
    restarts: int
    up_seconds: float = 0.0
    #: One of its addresses; empty if it does not run.
    address: str = ""


class Handle(Protocol):
    """Any container, as far as it is needed to tell Docker which one is meant."""

    @property
    def id(self) -> str: ...
    @property
    def app(self) -> str: ...


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. `status` 0 means that there was none, and `error` says why. `flag` is the feature flag that has
    closed the route; in that case the router itself answered."""

    status: int
    release: str = ""
    body: str = ""
    error: str = ""
    flag: str = ""
    #: The app that is closed for visitors, which the router itself answered for.
    maintenance: str = ""

    def __str__(self) -> str:
        if self.status == 0:
            return self.error
        return f"HTTP {self.status} {self.body}".strip()


class ProbeTarget(NamedTuple):
    """One target at the edge: a public port, the Host header, a path, whether to use TLS, and the environment that it
    belongs to, as `<stack>-<environment>`."""

    port: int
    host: str
    path: str
    tls: bool
    site: str
    #: The prefix that the edge removes, for whoever asks behind it.
    strip: str = ""


@dataclass
class ProbeCounts:
    """What the probes counted at the public ports while an operation ran."""

    asked: int = 0
    failed: int = 0
    down_seconds: float = 0.0


@dataclass(frozen=True)
class BuildResult:
    """The result of building one app. `step` is the failing Dockerfile step, `error` what the builder says of it; `log`
    the last lines, oldest first."""

    app: str
    seconds: float
    ok: bool
    step: str = ""
    log: tuple[str, ...] = ()
    error: str = ""
