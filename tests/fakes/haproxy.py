# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from release.errors import OperationError, Problem
from release.planning.witnesses import Word
from release.releases.reach import Reach
from release.releases.release import Live
from release.stack.model import ENVIRONMENTS, EnvironmentName, Slot

if TYPE_CHECKING:
    from fakes.world import World


class FakeRouter:
    """HAProxy: the content of its file, and of its memory, which decides what it does."""

    def __init__(self, world: World) -> None:
        self.world = world
        #: What its files and its memory hold; an empty text is a file that is damaged, or missing.
        self.files: dict[str, str] = dict.fromkeys(ENVIRONMENTS, "none/none")
        self.does = dict(self.files)
        #: By what the apps of each slot are reached.
        self.reach_file: dict[str, dict[Slot, dict[str, Reach]]] = {name: {} for name in ENVIRONMENTS}
        self.reach_memory = dict(self.reach_file)
        self.down = False
        #: Configured before there were replicas.
        self.is_old = False
        self.trusted: list[tuple[Slot, str, int]] = []
        #: Routes that feature flags have closed.
        self.shut: dict[str, dict[str, str]] = {}
        #: (environment, slot, app) to the time when its last request ends.
        self.busy: dict[tuple[str, str, str], float] = {}

    def version(self) -> str:
        return "3.0"

    def live(self, stack: str, environment: EnvironmentName) -> Live | None:
        return self.file(stack, environment).live

    def file(self, stack: str, environment: EnvironmentName) -> Word:
        self.world.faults.alive()
        return word(self.files[environment])

    def memory(self, stack: str, environment: EnvironmentName) -> Word | None:
        self.world.faults.alive()
        return None if self.down else word(self.does[environment])

    def problem(self) -> Problem | None:
        return Problem("the router (HAProxy) does not answer", "admin.sock", "start it") if self.down else None

    def write_file(self, stack: str, environment: EnvironmentName, live: Live | None) -> None:
        with self.world.change(f"router file {environment}"):
            self.files[environment] = str(live) if live else "none/none"

    def set_live(self, stack: str, environment: EnvironmentName, live: Live | None) -> None:
        text = str(live) if live else "none/none"
        with self.world.change(f"router file {environment}"):
            self.files[environment] = text
        with self.world.change(f"router memory {environment}"):
            self._up()
            self.does[environment] = text

    def knows_replicas(self, stack: str, environment: EnvironmentName, app: str) -> bool:
        return not self.is_old

    def trust_replicas(self, stack: str, environment: EnvironmentName, slot: Slot, counts: Mapping[str, int]) -> None:
        self.world.faults.notice(f"router trusts replicas {environment}", after=False)
        self._up()
        self.trusted += [(slot, app, count) for app, count in counts.items()]

    def replica_sessions(self, stack: str, environment: EnvironmentName, slot: Slot, app: str) -> dict[int, int]:
        self.world.faults.notice(f"router replica sessions {environment}", after=False)
        self._up()
        return {2: int(self.busy.get((environment, slot, app), 0.0) > self.world.clock.time)}

    def lacks_closed(self, stack: str, environment: EnvironmentName) -> bool:
        return False

    def reach(self, stack: str, environment: EnvironmentName) -> dict[Slot, dict[str, Reach]]:
        self.world.faults.alive()
        return self.reach_file[environment]

    def set_reach(self, stack: str, environment: EnvironmentName, slots: Mapping[Slot, Mapping[str, Reach]]) -> None:
        known = {slot: dict(apps) for slot, apps in slots.items()}
        with self.world.change(f"router reach file {environment}"):
            self.reach_file[environment] = known
        with self.world.change(f"router reach memory {environment}"):
            self._up()
            self.reach_memory[environment] = known

    def write_reach(self, stack: str, environment: EnvironmentName, slots: Mapping[Slot, Mapping[str, Reach]]) -> None:
        self.reach_file[environment] = {slot: dict(apps) for slot, apps in slots.items()}

    def lacks_reach(self, stack: str, environment: EnvironmentName) -> bool:
        return False

    def holds(self, environment: EnvironmentName, slot: Slot, app: str) -> bool:
        """Whether requests for an app may wait for the next release."""
        at = self.reach_memory[environment].get(slot, {}).get(app)
        return at is not None and at.held

    def port(self, environment: EnvironmentName, slot: Slot, app: str) -> int:
        """Where HAProxy sends a request for an app; 0 if it does not know."""
        at = self.reach_memory[environment].get(slot, {}).get(app)
        return at.port if at else 0

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
            app: int(self.busy.get((environment, slot, app), 0.0) > self.world.clock.time)
            for app in sorted(self.world.web_apps())
        }

    def restart(self) -> None:
        self.down = False
        self.does = dict(self.files)
        self.reach_memory = dict(self.reach_file)

    def _up(self) -> None:
        if self.down:
            raise OperationError("the router (HAProxy) does not answer", "admin.sock", "connection refused")


@functools.lru_cache(maxsize=1024)
def word(text: str) -> Word:
    """What a text in a map says; the same few are read again and again."""
    live = Live.parse(text)
    return Word(live, "" if live or text == "none/none" else "is damaged")
