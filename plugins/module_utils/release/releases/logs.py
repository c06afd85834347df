# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that apps have written: where they come from, and what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from .compose import LABEL
from .services import SERVICE

Kind = Literal["app", "service", "job", "build"]
KINDS: tuple[Kind, ...] = ("app", "service", "job", "build")
#: Docker's log drivers whose files can be read. Any other sends the lines elsewhere.
READABLE = ("local", "json-file")
#: Labels of containers that run once, or by schedule.
ONCE = (f"{LABEL}.job", f"{LABEL}.run", f"{LABEL}.hook")
REPLICA = f"{LABEL}.replica"
#: Compose's own, for several containers of one service.
NUMBER = "com.docker.compose.container-number"


class Line(NamedTuple):
    """A line as it was written, without its line break. `at` is in nanoseconds since the epoch. What is very long comes
    in parts, all but the last not `whole`."""

    at: int
    stream: str
    text: bytes
    whole: bool = True


@dataclass(frozen=True)
class Source:
    """What has written lines: a container, which may be gone by now, or a build. `release` is the id of a release, of a
    build the commit. `began` and `changed` are seconds since the epoch: before and after them it has written nothing.
    `changed` is 0 of what runs."""

    id: str
    stack: str
    environment: str
    kind: Kind
    app: str
    release: str = ""
    slot: str = ""
    replica: int = 1
    driver: str = "local"
    began: float = 0.0
    changed: float = 0.0
    size: int = 0
    #: Whether nothing is added any more: its container is gone, or the build has ended.
    is_over: bool = False

    @property
    def is_readable(self) -> bool:
        return self.driver in READABLE

    @property
    def name(self) -> str:
        """What it is called beside others of its app."""
        return self.app if self.replica <= 1 else f"{self.app}.{self.replica}"

    def belongs_to(self, release: str) -> bool:
        """Whether these lines are of this release: its containers, and the builds of its commit."""
        if self.kind == "build":
            return bool(self.release) and self.release.startswith(release.rpartition("-")[2])
        return self.release == release


class Given(NamedTuple):
    """What somebody typed."""

    environment: str = ""
    app: str = ""
    release: str = ""
    since: str = ""
    grep: str = ""
    lines: str = ""


@dataclass(frozen=True)
class Wish:
    """Which lines somebody wants to see; what is empty is no limit. `since` is in nanoseconds since the epoch, `lines`
    are the newest so many."""

    environment: str = ""
    app: str = ""
    release: str = ""
    since: int = 0
    grep: bytes = b""
    lines: int = 0

    def wants(self, line: Line) -> bool:
        return line.at >= self.since and self.grep in line.text


def source_of(container: str, labels: Mapping[str, str], driver: str, began: float) -> Source | None:
    """A container of a stack by its labels; None if it is of no stack."""
    stack = labels.get(f"{LABEL}.stack", "")
    name = labels.get(SERVICE) or labels.get(f"{LABEL}.app", "")
    if not stack or not name:
        return None
    kind: Kind = "service" if SERVICE in labels else "job" if any(label in labels for label in ONCE) else "app"
    number = labels.get(REPLICA) or labels.get(NUMBER, "1")
    return Source(
        id=container,
        stack=stack,
        environment=labels.get(f"{LABEL}.environment", ""),
        kind=kind,
        app=name,
        release=labels.get(f"{LABEL}.id", ""),
        slot=labels.get(f"{LABEL}.slot", ""),
        replica=int(number) if number.isdecimal() else 1,
        driver=driver,
        began=began,
    )


def read_source(data: Mapping[str, Any]) -> Source:
    """A source from the file beside its kept lines. Raises ValueError, TypeError or KeyError if that is damaged."""
    kind = data["kind"]
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}")
    return Source(
        id=str(data["id"]),
        stack=str(data["stack"]),
        environment=str(data["environment"]),
        kind=kind,
        app=str(data["app"]),
        release=str(data["release"]),
        slot=str(data["slot"]),
        replica=int(data["replica"]),
        driver=str(data["driver"]),
        began=float(data["began"]),
        is_over=bool(data["is_over"]),
    )


def to_json(source: Source) -> dict[str, Any]:
    """The same as data, for that file."""
    names = ("id", "stack", "environment", "kind", "app", "release", "slot", "replica", "driver", "began", "is_over")
    return {name: getattr(source, name) for name in names}
