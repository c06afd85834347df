# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the host at one moment: the input of every plan."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..env import secret_ages
from ..stack.model import SLOTS, App, EnvironmentName, Slot, other_slot
from ..stack.replicas import units
from .history import find
from .reach import Reach
from .release import Entry, Live
from .replicas import Scale
from .runtime import Container


@dataclass(frozen=True)
class HostState:
    """State of one stack on one host."""

    entries: list[Entry]
    live: dict[str, Live | None]
    #: Containers of both slots, by environment.
    containers: dict[str, list[Container]]
    #: (app, tag) to image ID, for the moving tags.
    tags: dict[tuple[str, str], str]
    env: dict[str, dict[str, bytes | None]]
    keys: dict[str, str | None]
    #: The edge's routes as provisioned, by environment.
    routes: dict[str, bytes | None] = field(default_factory=dict)
    free_bytes: int = 0
    #: Of the host; 0 if it is not known.
    memory_bytes: int = 0
    now: float = 0.0
    #: IDs of the images on the host that any release in the history names.
    images: frozenset[str] = field(default_factory=frozenset)
    #: How the router reaches the apps of each slot, by environment.
    reach: dict[str, dict[Slot, dict[str, Reach]]] = field(default_factory=dict)
    #: For each environment the host's ports that live releases elsewhere have, with their apps in words.
    taken: dict[EnvironmentName, dict[int, str]] = field(default_factory=dict)
    #: Since when each secret has had its value, see `env.secret_ages`.
    secret_record: secret_ages.SecretRecord = field(default_factory=secret_ages.SecretRecord)

    #: By environment: numbers of containers that somebody asked for, and those that the live slot was given.
    scales: dict[str, dict[str, Scale]] = field(default_factory=dict)
    replicas: dict[str, dict[str, int]] = field(default_factory=dict)
    #: Names of all that is in the history, readable or not.
    names: tuple[str, ...] = ()
    #: By environment: who disagrees about what is live, as sentences.
    disputes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def known_releases(self) -> set[str]:
        """The ids of all releases that anything on the host names."""
        running = {container.release for mine in self.containers.values() for container in mine}
        live = {live.release for live in self.live.values() if live}
        return {*self.names, *(entry.release.id for entry in self.entries), *live, *running}

    def live_entry(self, environment: EnvironmentName) -> Entry | None:
        live = self.live.get(environment)
        return find(self.entries, live.release) if live else None

    def in_slot(self, environment: EnvironmentName, slot: Slot) -> list[Container]:
        return [container for container in self.containers[environment] if container.slot == slot]

    def is_intact(self, environment: EnvironmentName) -> bool:
        """True if the live release runs whole and under the environment's tags: only then is there nothing to do."""
        live, entry = self.live.get(environment), self.live_entry(environment)
        if live is None or entry is None:
            return False
        running = {
            container.unit: container.image
            for container in self.in_slot(environment, live.slot)
            if container.release == live.release and container.state == "running"
        }
        return all(
            (
                app not in entry.release.in_slot
                or all(running.get(name) == image for name in units(app, self.count_of(environment, app)))
            )
            and self.tags.get((app, environment)) == image
            for app, image in entry.release.images.items()
        )

    def count_of(self, environment: EnvironmentName, app: str) -> int:
        """How many containers the live release is to have of an app."""
        return self.replicas.get(environment, {}).get(app, 1)

    def reached(self, environment: EnvironmentName) -> dict[str, Reach]:
        """How the router reaches the apps of the live release."""
        live = self.live.get(environment)
        return self.reach.get(environment, {}).get(live.slot, {}) if live else {}

    def port_of(self, environment: EnvironmentName, slot: Slot, app: App) -> int:
        """Where the router reaches an app in a slot; 0 if it does not know."""
        at = self.reach.get(environment, {}).get(slot, {}).get(app.name)
        return at.port if at else 0

    def idle_slot(self, environment: EnvironmentName) -> Slot:
        live = self.live.get(environment)
        return other_slot(live.slot) if live else SLOTS[0]

    def env_of(self, environment: EnvironmentName) -> dict[str, bytes]:
        """Today's env files, without the missing ones."""
        return {layer: data for layer, data in self.env[environment].items() if data is not None}
