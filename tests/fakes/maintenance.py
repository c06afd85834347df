# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance: its record, the router's maps of it, and the timer of its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from release.errors import OperationError, Problem
from release.stack.maintenance import Maintenance
from release.stack.model import ENVIRONMENTS, EnvironmentName

if TYPE_CHECKING:
    from fakes.world import World

Maps = tuple[dict[str, str], dict[str, str]]


class FakeMaintenance:
    """Files, which stay, and HAProxy's memory, which decides and is read from the files when it starts."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.records: dict[str, list[Maintenance]] = {}
        self.files: dict[str, Maps] = {name: ({}, {}) for name in ENVIRONMENTS}
        self.memory = dict(self.files)
        #: Maps that HAProxy was set up without.
        self.is_old = False
        self.armed: dict[str, float] = {}

    def recorded(self, stack: str, environment: EnvironmentName) -> list[Maintenance]:
        self.world.faults.alive()
        return self.records.get(environment, [])

    def record(self, stack: str, environment: EnvironmentName, found: Sequence[Maintenance]) -> None:
        with self.world.change(f"maintenance record {environment}"):
            self.records[environment] = list(found)

    def problem(self, stack: str, environment: EnvironmentName) -> Problem | None:
        self.world.faults.alive()
        return Problem("was set up before", "the router", "provision") if self.is_old else None

    def lacks_maps(self, stack: str, environment: EnvironmentName) -> bool:
        return environment not in self.files

    def maps(self, stack: str, environment: EnvironmentName) -> Maps:
        self.world.faults.alive()
        return self.files.get(environment, ({}, {}))

    def set_maps(
        self,
        stack: str,
        environment: EnvironmentName,
        closed: Mapping[str, str],
        allowed: Mapping[str, str],
        *,
        must_run: bool = True,
    ) -> None:
        with self.world.change(f"maintenance file {environment}"):
            self.files[environment] = (dict(closed), dict(allowed))
        if self.world.router.down and must_run:
            raise OperationError("the router (HAProxy) does not answer", "socket", "refused")
        with self.world.change(f"maintenance memory {environment}"):
            self.memory[environment] = self.files[environment]

    def arm(self, stack: str, environment: EnvironmentName, seconds: float) -> None:
        with self.world.change(f"maintenance timer {environment}"):
            self.armed[environment] = self.world.clock.time + seconds

    def disarm(self, stack: str, environment: EnvironmentName) -> None:
        with self.world.change(f"no maintenance timer {environment}"):
            self.armed.pop(environment, None)

    def restart(self) -> None:
        """A reboot: HAProxy reads its files, and the timers are gone."""
        self.memory = dict(self.files)
        self.armed.clear()

    def is_closed(self, environment: str, app: str, path: str) -> bool:
        """What the router would do with a visitor's request now."""
        found = [
            value for key, value in self.memory[environment][0].items() if f"/{app}{path.rstrip('/')}/".startswith(key)
        ]
        return any(int(value.split("/")[0]) > self.world.clock.now() for value in found)
