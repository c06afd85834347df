# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many containers an app has in a slot: by its release, by what was asked for since, by the slot's files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..env.env_file import fingerprint
from ..stack.model import Stack
from ..stack.replicas import MOST_REPLICAS, address, problem, unit
from .labels import LABEL, REPLICA


@dataclass(frozen=True)
class Scale:
    """A number that somebody asked for in an environment. It is in force as long as the stack's own number is the one
    that it was chosen in place of."""

    replicas: int
    own: int
    person: str = ""
    reason: str = ""
    at: str = ""

    @property
    def sentence(self) -> str:
        """Whose number it is, for people."""
        why = f": {self.reason}" if self.reason else ""
        return f"{self.replicas} in place of {self.own}, by {self.person or 'unknown'} at {self.at}{why}"

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: Any) -> Scale | None:
        """None for what is none."""
        if not isinstance(data, Mapping):
            return None
        replicas, own = _number(data.get("replicas")), _number(data.get("own"))
        if not 1 <= replicas <= MOST_REPLICAS or own < 1:
            return None
        return cls(replicas, own, *(str(data.get(key, "")) for key in ("person", "reason", "at")))


def _number(found: Any) -> int:
    """0 for what is none. True and False are none, though Python thinks so."""
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


Scales = Mapping[str, Scale]


def in_force(scales: Scales, today: Stack) -> dict[str, Scale]:
    """Those that still hold. `today` is the stack as the inventory has it."""
    return {name: it for name, it in scales.items() if name in today.apps and today.apps[name].replicas == it.own}


def counts(day: Stack, apps: Iterable[str], today: Stack, scales: Scales) -> dict[str, int]:
    """The apps of a release that are to have several containers, with their number. `day` is the stack as the release
    defines it."""
    held = in_force(scales, today)
    numbers = {name: held[name].replicas if name in held else day.apps[name].replicas for name in apps}
    return {name: number for name, number in numbers.items() if number > 1 and not problem(day.apps[name])[0]}


def counts_of(compose: Mapping[str, Any], release: str) -> dict[str, int]:
    """The number of containers of each app in a slot, by the Compose file that it was created from; empty if that is
    another release's."""
    found: dict[str, int] = {}
    for service in compose.get("services", {}).values():
        labels = service.get("labels", {})
        if labels.get(f"{LABEL}.id") == release:
            app = str(labels.get(f"{LABEL}.app", ""))
            found[app] = found.get(app, 0) + 1
    return found


def replica_service(first: Mapping[str, Any], app: str, number: int) -> dict[str, Any]:
    """A further replica as a Compose service, made from the first. Other apps find all of them by the app's name."""
    service = dict(first)
    if "ports" in first:
        service["ports"] = [f"{address(number)}:{at.partition(':')[2]}" for at in first["ports"]]
    service["networks"] = {"default": {"aliases": [app]}}
    labels = first["labels"]
    created_from = fingerprint(f"{labels[f'{LABEL}.created-from']} {number}")
    service["labels"] = {**labels, REPLICA: str(number), f"{LABEL}.created-from": created_from}
    return service


def with_replicas(compose: Mapping[str, Any], app: str, count: int) -> dict[str, Any]:
    """A slot's Compose file with another number of containers of one app."""
    services = {
        name: service
        for name, service in compose["services"].items()
        if name == app or service["labels"].get(f"{LABEL}.app") != app
    }
    more = {unit(app, number): replica_service(services[app], app, number) for number in range(2, count + 1)}
    return {**compose, "services": {**services, **more}}
