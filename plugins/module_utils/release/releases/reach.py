# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By what the router reaches the apps of a slot: it belongs to the release there, not to today's definition."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..stack.model import EnvironmentName, Slot, Stack

#: How an app is replaced: the router's word for one whose requests may wait for the release that takes its place.
HELD = "stop_first"
SWITCHED = "start_first"


@dataclass(frozen=True)
class Reach:
    """The host's port of an app, and whether its requests may be answered by the release that comes next."""

    port: int
    held: bool = False
    #: Among how many equal containers the router divides the requests.
    replicas: int = 1

    def __str__(self) -> str:
        # Requests that wait do so for the first one. Those that are held now may have several again afterwards.
        many = f"/{self.replicas}" if self.replicas > 1 and not self.held else ""
        return f"{self.port}/{HELD if self.held else SWITCHED}{many}"

    @classmethod
    def parse(cls, text: str) -> Reach | None:
        """The reverse of str(); None for anything else."""
        port, word, number, *more = (*text.split("/"), "", "")[:4] if text.count("/") < 3 else ("",) * 4
        if not port.isdecimal() or word not in (HELD, SWITCHED) or any(more) or not (number or "1").isdecimal():
            return None
        return cls(int(port), word == HELD, max(1, int(number or 1)))


def reach_of(
    stack: Stack,
    apps: Iterable[str],
    environment: EnvironmentName,
    slot: Slot,
    counts: Mapping[str, int] | None = None,
) -> dict[str, Reach]:
    """By what the apps of a release answer in a slot. `stack` is the stack as that release defines it; `counts` are of
    the apps that have several containers there."""
    many = counts or {}
    return {
        app.name: Reach(stack.loopback_port(app, environment, slot), app.is_replaced_in_place, many.get(app.name, 1))
        for name in apps
        if (app := stack.apps[name]).is_web
    }


def map_entries(slots: Mapping[Slot, Mapping[str, Reach]]) -> dict[str, str]:
    """The entries of the router's map."""
    return {f"{app}/{slot}": str(at) for slot, apps in slots.items() for app, at in apps.items()}


@dataclass(frozen=True)
class Side:
    """One side of a replacement: the stack as its release defines it, the release's apps, and how they are reached."""

    stack: Stack
    apps: tuple[str, ...]
    reach: Mapping[str, Reach]

    def never_twice(self, name: str) -> bool:
        return name in self.apps and self.stack.apps[name].is_replaced_in_place

    @property
    def ports(self) -> set[int]:
        return {reach.port for reach in self.reach.values()}


@dataclass(frozen=True)
class Replacement:
    """Which apps of a new release start only when others have stopped, and which apps of the old one these are."""

    start_late: frozenset[str]
    stop_early: frozenset[str]


def replacement(new: Side, old: Side | None) -> Replacement:
    """An app is replaced in place if either release says that it must never run twice. So is one whose port its
    predecessor of another name has: only one container can have it."""
    late = {name for name in new.apps if new.never_twice(name) or (old is not None and old.never_twice(name))}
    if old is None:
        return Replacement(frozenset(late), frozenset())
    late |= {name for name, reach in new.reach.items() if reach.port in old.ports}
    wanted = {new.reach[name].port for name in late if name in new.reach}
    early = {name for name in old.apps if name in late or (name in old.reach and old.reach[name].port in wanted)}
    return Replacement(frozenset(late), frozenset(early))


def usurped(new: Side, old: Side) -> dict[str, str]:
    """Apps whose port another app of the old release has, which they do not replace: whoever waits there for the one
    would be answered by the other."""
    heirs = stand_ins(old, new)
    return {
        name: other
        for name, reach in new.reach.items()
        for other, at in old.reach.items()
        if name != other and reach.port == at.port and heirs.get(other) != reach
    }


def stand_ins(missing: Side, there: Side) -> dict[str, Reach]:
    """Apps that only the other release has, each reached as the app that has its route in this one.

    While traffic moves, nginx already asks for an app by its new name, or still by its old one.
    """
    by_route = {
        (route.host, route.canonical, route.path, route.strip_path): there.reach[name]
        for name in there.apps
        if name in there.reach
        for route in there.stack.apps[name].routes
    }
    return {
        name: by_route[key]
        for name in missing.apps
        if name not in there.apps
        for route in missing.stack.apps[name].routes
        if (key := (route.host, route.canonical, route.path, route.strip_path)) in by_route
    }


@dataclass(frozen=True)
class BothSlots:
    """How the router reaches the apps of the new release's slot and of the old one's."""

    new: dict[str, Reach]
    old: dict[str, Reach]


def beside(new: Side, old: Side) -> BothSlots:
    """While both releases run."""
    return BothSlots({**new.reach, **stand_ins(old, new)}, {**old.reach, **stand_ins(new, old)})


def going_back(new: Side, old: Side, how: Replacement) -> BothSlots:
    """While the old release's apps take their places again: requests for the new one's may be answered by them, and
    those for the old one's wait until they run, whatever the old release says of how they are replaced."""
    both = gone_back(new, old, how)
    held = {name: dataclasses.replace(at, held=True) for name, at in both.old.items() if name in how.stop_early}
    return dataclasses.replace(both, old={**both.old, **held})


def gone_back(new: Side, old: Side, how: Replacement) -> BothSlots:
    """When they answer again, and requests that came for the new release's are still waiting."""
    both = beside(new, old)
    return dataclasses.replace(both, new={**both.new, **_waiting(new, old, how)})


def going_forward(new: Side, old: Side, how: Replacement) -> BothSlots:
    """While apps are replaced: requests for those that have stopped wait for what comes, in both slots."""
    both, waiting = beside(new, old), _waiting(new, old, how)
    stay = {name: at for name, at in both.old.items() if name not in how.stop_early}
    return BothSlots({**both.new, **waiting}, {**stay, **waiting})


def _waiting(new: Side, old: Side, how: Replacement) -> dict[str, Reach]:
    coming = {name: at for name, at in new.reach.items() if name in how.start_late}
    coming.update({name: at for name, at in stand_ins(old, new).items() if name in how.stop_early})
    return {name: dataclasses.replace(at, held=True) for name, at in coming.items()}
