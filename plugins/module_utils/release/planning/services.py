# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done so that the services of an environment are as the stack wants them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from ..releases.runtime import ServiceContainer
from ..releases.services import Wanted
from ..stack.model import start_order

Action = Literal["create", "start", "replace", "remove"]


@dataclass(frozen=True)
class Change:
    """One thing to do with one service. `was` and `to` are what its container is created from before and after; empty
    where there is none."""

    action: Action
    service: str
    was: str = ""
    to: str = ""
    #: The image that it ran before: until the change is settled, nobody may remove it.
    image: str = ""

    @classmethod
    def read(cls, data: Mapping[str, str]) -> Change:
        """As a journal has it."""
        return cls(cast(Action, data["action"]), data["service"], data["was"], data["to"], data.get("image", ""))

    @property
    def sentence(self) -> str:
        return {
            "create": f"create {self.service}",
            "start": f"start {self.service}, which is stopped",
            "replace": f"replace {self.service}, which restarts it: apps are without it meanwhile",
            "remove": f"remove {self.service}, which the stack no longer has; its volumes stay",
        }[self.action]


def plan(wanted: Mapping[str, Wanted], found: Sequence[ServiceContainer]) -> list[Change]:
    """Everything that differs, in the order in which services start; what is gone comes last."""
    there = {container.app: container for container in found}
    changes = []
    for name in (name for group in start_order({n: one.service for n, one in wanted.items()}) for name in group):
        container, to = there.get(name), wanted[name].created_from
        if container is None:
            changes.append(Change("create", name, to=to))
        elif container.created_from != to:
            changes.append(Change("replace", name, container.created_from, to, container.image))
        elif not is_up(container):
            changes.append(Change("start", name, to, to))
    return changes + [Change("remove", c.app, c.created_from, image=c.image) for c in found if c.app not in wanted]


def missing(wanted: Mapping[str, Wanted], found: Sequence[ServiceContainer]) -> list[Change]:
    """What a release does before its apps start: services that do not run. One that runs is never touched by a release,
    whatever the stack says of it, and one that was stopped is started as it is."""
    there = {container.app: container for container in found}
    changes = []
    for change in plan(wanted, found):
        container = there.get(change.service)
        if change.action == "create":
            changes.append(change)
        elif change.action != "remove" and container is not None and not is_up(container):
            changes.append(Change("start", change.service, container.created_from, container.created_from))
    return changes


def is_up(container: ServiceContainer) -> bool:
    return container.state in ("running", "restarting", "paused")
