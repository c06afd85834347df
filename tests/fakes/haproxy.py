# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from release.errors import OperationError
from release.releases.release import Live
from release.stack.model import ENVIRONMENTS, EnvironmentName, Slot

if TYPE_CHECKING:
    from fakes.world import World


class FakeRouter:
    """HAProxy: the content of its file, and of its memory, which decides what it does."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.file = dict.fromkeys(ENVIRONMENTS, "none/none")
        self.memory = dict(self.file)
        self.down = False
        #: Routes that feature flags have closed.
        self.shut: dict[str, dict[str, str]] = {}
        #: (environment, slot, app) to the time when its last request ends.
        self.busy: dict[tuple[str, str, str], float] = {}

    def live(self, stack: str, environment: EnvironmentName) -> Live | None:
        self.world.faults.alive()
        return Live.parse(self.file[environment])

    def set_live(self, stack: str, environment: EnvironmentName, live: Live | None) -> None:
        text = str(live) if live else "none/none"
        with self.world.change(f"router file {environment}"):
            self.file[environment] = text
        with self.world.change(f"router memory {environment}"):
            self._up()
            self.memory[environment] = text

    def closed(self, stack: str, environment: EnvironmentName) -> dict[str, str]:
        return self.shut.get(environment, {})

    def set_closed(
        self, stack: str, environment: EnvironmentName, routes: Mapping[str, str], *, must_run: bool = True
    ) -> None:
        self.shut[environment] = dict(routes)
        if must_run:
            self._up()

    def sessions(self, stack: str, environment: EnvironmentName, slot: Slot) -> dict[str, int]:
        self.world.faults.alive()
        self.world.faults.notice(f"router sessions {environment}", after=False)
        self._up()
        return {
            app.name: int(self.busy.get((environment, slot, app.name), 0.0) > self.world.clock.time)
            for app in self.world.stack.web_apps
        }

    def restart(self) -> None:
        self.down = False
        self.memory = dict(self.file)

    def _up(self) -> None:
        if self.down:
            raise OperationError("the router (HAProxy) does not answer", "admin.sock", "connection refused")
