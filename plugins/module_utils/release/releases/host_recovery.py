# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of how a lost host comes back: what from which backup, and what of it is done."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .databases import KeptAll
from .release import Entry


@dataclass(frozen=True)
class Copy:
    """One copy of files in a repository."""

    #: `path` or `s3`, and the stack whose repository it is in.
    kind: str
    stack: str
    #: Its name there, and how it is found.
    snapshot: str
    tag: str
    #: Seconds since 1970.
    at: float
    path: str


@dataclass(frozen=True)
class ClusterCopy:
    """The backup that a cluster is laid out from; its whole log follows."""

    label: str
    at: float
    repository: int
    size: int


@dataclass(frozen=True)
class Deployed:
    """A commit that ran, and the apps that ran of it; none named: all of them."""

    commit: str
    apps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """What a copy of a stack's state says: its releases, oldest first, and where its clusters were."""

    entries: tuple[Entry, ...]
    databases: KeptAll


@dataclass(frozen=True)
class StackRecovery:
    """What of one stack comes back."""

    name: str
    state: Copy
    #: By their tags.
    files: Mapping[str, Copy] = field(default_factory=dict)
    #: By the names of their clusters.
    clusters: Mapping[str, ClusterCopy] = field(default_factory=dict)
    #: What ran in production, and its release; staging's commit where that was another.
    production: tuple[Deployed, ...] = ()
    release: str = ""
    staging: str = ""
    #: Whether staging's databases come back newer than what is deployed on them first.
    is_ahead: bool = False


@dataclass(frozen=True)
class HostRecovery:
    """All of it. What is done has its time in seconds, and of a cluster how far it came is in `until`."""

    begun: float
    stacks: tuple[StackRecovery, ...]
    done: Mapping[str, float] = field(default_factory=dict)
    until: Mapping[str, float] = field(default_factory=dict)
    ended: float = 0.0

    def cluster(self, name: str) -> ClusterCopy | None:
        """What a cluster is to be laid out from that is not done yet; None: nothing."""
        if self.ended or name in self.done:
            return None
        return next((stack.clusters[name] for stack in self.stacks if name in stack.clusters), None)

    def with_done(self, what: str, seconds: float, until: float | None = None) -> HostRecovery:
        known = {**self.until, what: until} if until is not None else dict(self.until)
        return dataclasses.replace(self, done={**self.done, what: round(seconds, 1)}, until=known)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> HostRecovery | None:
        """None for what cannot be read."""
        try:
            stacks = tuple(_stack(one) for one in data["stacks"])
            return cls(float(data["begun"]), stacks, dict(data["done"]), dict(data["until"]), float(data["ended"]))
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


def _stack(data: Any) -> StackRecovery:
    return StackRecovery(
        str(data["name"]),
        Copy(**data["state"]),
        {name: Copy(**one) for name, one in data["files"].items()},
        {name: ClusterCopy(**one) for name, one in data["clusters"].items()},
        tuple(Deployed(one["commit"], tuple(one["apps"])) for one in data["production"]),
        str(data["release"]),
        str(data["staging"]),
        bool(data["is_ahead"]),
    )
