# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan: what an operation will do, decided before anything changes. Plain data, so a journal can hold it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ..stack.model import EnvironmentName, Slot
from .release import Live, Release, ReleaseStatus

StartMode = Literal["create", "start", "running"]
#: The journal's names for the phases of an operation, in order: freeing space, the build of a deploy, the rollout,
#: and the revert.
Step = Literal[
    "cleanup",
    "fetch",
    "build",
    "search",
    "drift",
    "rehearse",
    "record",
    "services",
    "restore_point",
    "migrate",
    "old_release",
    "downgrade",
    "start",
    "healthy",
    "before_switch",
    "tags",
    "routes",
    "pause",
    "switch",
    "resume",
    "confirm",
    "endpoints",
    "after_switch",
    "watch",
    "statuses",
    "drain",
    "stop",
    "warm",
    "scale",
    "close",
    "halt",
    "aside",
    "copy",
    "replay",
    "check",
    "open",
    "schema",
    "reopen",
    "back",
]


@dataclass(frozen=True)
class TagMove:
    """One tag to move to another image. Empty `image` removes the tag; `before` is the image it named."""

    repository: str
    tag: str
    image: str
    before: str


class Down(NamedTuple):
    """How the database of an app goes back: to which revision, by the image of which release."""

    to: str
    by: str


@dataclass(frozen=True)
class Plan:
    """How a release goes live in an environment, and everything needed to revert that."""

    operation: str
    stack: str
    environment: EnvironmentName
    release: Release
    #: True if the release has to be written first; False if it is in the history already.
    is_new: bool
    slot: Slot
    was: Live | None
    #: create: containers are created; start: the kept ones are started; running: they still run.
    start: StartMode
    tags: tuple[TagMove, ...] = ()
    #: Status of releases once this one is live, and what it becomes if the operation fails.
    statuses: dict[str, ReleaseStatus] = field(default_factory=dict)
    failed_status: ReleaseStatus = "failed"
    watch_seconds: int = 0
    warm_seconds: int = 0
    #: How the router reaches the apps of the release that is live before, as texts of `Reach`.
    reached: dict[str, str] = field(default_factory=dict)
    #: The apps that have several containers in the slot, with their number.
    replicas: dict[str, int] = field(default_factory=dict)
    #: The apps whose databases go back first.
    downs: dict[str, Down] = field(default_factory=dict)
    #: Whether nothing is migrated, though the release is new.
    keeps_schema: bool = False

    @property
    def stays(self) -> bool:
        """Whether the release is live already, so that only what it needs is seen to."""
        return self.was == self.goal

    @property
    def goal(self) -> Live:
        return Live(self.slot, self.release.id)

    @property
    def via(self) -> str:
        """The operation that the history records. Given a name, `rollback` may also go to a release newer than the live
        one. That does not count as a rollback, so that a plain rollback is possible from there."""
        newer = not self.is_new and self.was is not None and self.release.id > self.was.release
        return "forward" if self.operation == "rollback" and newer else self.operation

    def to_json(self) -> dict[str, Any]:
        return {
            **vars(self),
            "release": self.release.to_json(),
            "was": dict(vars(self.was)) if self.was else None,
            "tags": [dict(vars(move)) for move in self.tags],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        fields = dict(data)
        fields["release"] = Release.from_json(fields["release"])
        fields["was"] = Live(**fields["was"]) if fields["was"] else None
        fields["tags"] = tuple(TagMove(**move) for move in fields["tags"])
        fields["downs"] = {app: Down(*down) for app, down in (fields.get("downs") or {}).items()}
        return cls(**fields)


def moves(stack_images: Mapping[str, str], tag: str, current: Mapping[tuple[str, str], str]) -> list[TagMove]:
    """The moves that make `<app>:<tag>` name these images; none for tags that are right already."""
    return [
        TagMove(app, tag, image, current.get((app, tag), ""))
        for app, image in stack_images.items()
        if current.get((app, tag), "") != image
    ]


def reversed_moves(tags: tuple[TagMove, ...]) -> tuple[TagMove, ...]:
    return tuple(TagMove(move.repository, move.tag, move.before, move.image) for move in reversed(tags))
