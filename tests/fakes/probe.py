# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to apps and to the edge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fakes.docker import HEALTHY, SICK
from fakes.scratch import COPY
from release.releases.release import Live
from release.releases.runtime import Answer, ProbeTarget
from release.stack.model import EnvironmentName

if TYPE_CHECKING:
    from fakes.one_off import RunBox
    from fakes.world import World


class FakeProbe:
    """HTTP as the apps, the router and the edge would answer it now."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.edge_down = False
        #: What each app that is asked by its port answers instead, by name.
        self.instead: dict[str, Answer] = {}
        #: The host names that apps were asked by.
        self.asked_as: set[str] = set()

    def health(self, port: int, path: str, host: str = "localhost", address: str = "127.0.0.1") -> Answer:
        self.world.faults.alive()
        self.asked_as.add(host)
        if rehearsed := self.world.one_off.at_address(address):
            return self._rehearsed(rehearsed)
        box = self.world.docker.at_port(port, int(address.rpartition(".")[2]))
        if box is None:
            return Answer(0, error=f"no answer on port {port}: connection refused")
        app = self.world.app_of(box.release, box.app)
        assert app is None or path == app.health, (path, app)
        if box.app in self.instead:
            return self.instead[box.app]
        if self.world.docker.answers(box):
            return Answer(200, body="ok")
        if self.world.docker.behaviour(box) == SICK:
            return Answer(500, body="no database")
        return Answer(0, error=f"no answer on port {port}: connection reset")

    def _rehearsed(self, box: RunBox) -> Answer:
        """The release before on a copy."""
        breaks = self.world.databases.applied.get(COPY, "") in self.world.databases.breaking
        behaviour = self.world.docker.images[box.image][1]
        return Answer(200, body="ok") if behaviour == HEALTHY and not breaks else Answer(500, body="no column")

    def service(self, address: str, port: int, path: str) -> Answer:
        self.world.faults.alive()
        answers = self.world.docker.service_answers(address)
        return Answer(200) if answers else Answer(0, error=f"no answer on port {port}: connection refused")

    def edge(self, target: ProbeTarget) -> Answer:
        port, path, tls = target.port, target.path, target.tls
        self.world.faults.alive()
        if self.edge_down:
            return Answer(0, error=f"no answer on port {port}: connection refused")
        environment = self.world.edge.at(port, tls)
        if environment is None:
            return Answer(0, error=f"no answer on port {port}: connection refused")
        live = Live.parse(self.world.router.does[environment])
        known = json.loads(self.world.edge.memory[environment] or b'{"routes": []}')
        routes: list[tuple[str, str]] = known["routes"]
        mine = [name for prefix, name in routes if prefix == "/" or f"{path}/".startswith(f"{prefix}/")]
        if not mine:
            return Answer(404, body="not found")
        if live is None:
            return Answer(503, body="no release")
        return self._by_router(mine[0], live, environment, path)

    def _by_router(self, app: str, live: Live, environment: EnvironmentName, path: str) -> Answer:
        flags = [
            flag for key, flag in self.world.router.shut.get(environment, {}).items() if f"{app}{path}/".startswith(key)
        ]
        if flags:
            return Answer(503, live.release, "switched off", flag=flags[0])
        box = self.world.docker.at_port(self.world.router.port(environment, live.slot, app))
        if box is None or not self.world.docker.answers(box):
            return Answer(503, live.release, "unavailable")
        return Answer(200, live.release, f"{box.app} of {box.release}")
