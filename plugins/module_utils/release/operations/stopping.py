# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the apps of a slot stop without losing a request: drain, hold what connects, SIGTERM; and who ignored that."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..ports import Host
from ..releases.plan import Plan
from ..releases.reach import Side
from ..releases.runtime import Container
from ..stack.model import Slot, Stack

DRAIN_POLL_SECONDS = 0.01
#: How long apps that are replaced in place may go on with requests before they are told to stop. For what takes longer
#: there is the time that each app has for stopping; what it has not accepted yet is given its drain time.
FINISH_SECONDS = 2.0
#: For how long new connections are refused beyond the time that it takes to stop.
SPARE_SECONDS = 5.0
#: The states of containers that can be stopped.
UP = ("running", "restarting", "paused")
#: The exit code of a process that SIGKILL has ended.
KILLED = 137


class Stopping:
    """Of apps of both slots of an environment. `stack_in` knows the stack as the release in a slot defines it; `tell`
    takes what people should know, `note` what is for the journal alone."""

    def __init__(
        self,
        host: Host,
        plan: Plan,
        stack_in: Callable[[Slot], Stack],
        tell: Callable[[str], None],
        note: Callable[[str], None],
    ) -> None:
        self.host, self.plan, self._stack_in = host, plan, stack_in
        self._tell, self._note = tell, note

    def drain(self, slot: Slot) -> None:
        """Wait until the router counts no session on the slot; for each app at most its own drain time."""
        apps = self._stack_in(slot).apps
        begun, calm = self.host.clock.monotonic(), 0
        while calm < 2:
            passed = self.host.clock.monotonic() - begun
            busy = {
                name: count
                for name, count in self.host.router.sessions(self.plan.stack, self.plan.environment, slot).items()
                if count and passed < (apps[name].drain_seconds if name in apps else 10)
            }
            # Twice in a row: a request that was in flight at the first count shows up in the second.
            calm = 0 if busy else calm + 1
            if calm < 2:
                self.host.clock.wait(DRAIN_POLL_SECONDS)

    def stop(self, containers: list[Container]) -> None:
        """Stop them all at once, each within the time that its app has for it."""
        grace = {name: app.stop_seconds for c in containers for name, app in self._stack_in(c.slot).apps.items()}
        stopped = [c for c in containers if c.state in UP]
        begun = self.host.clock.monotonic()
        self.host.docker.stop(stopped, grace)
        if self.host.clock.monotonic() - begun >= min((grace.get(c.app, 10) for c in stopped), default=0):
            self._tell_of_killed({c.id for c in stopped if c.state == "running"}, grace)

    def _tell_of_killed(self, stopped: set[str], grace: Mapping[str, int]) -> None:
        """An app that ignores SIGTERM costs its whole time at each operation, and loses what it was doing."""
        containers = self.host.docker.containers(self.plan.stack, self.plan.environment)
        for app in sorted(c.app for c in containers if c.id in stopped and c.exit_code == KILLED):
            text = (
                f"{app} ignored SIGTERM and was killed after {grace.get(app, 10)} s. Let it end on SIGTERM: start it "
                "with `exec` in a shell script, or with `compose: {init: true}`"
            )
            self._tell(text)

    def in_place(self, containers: list[Container], side: Side) -> None:
        """Stop containers whose port others get. An app that ends resets what has connected and is not accepted yet, so
        first nobody can connect any more: the router tries again until the next one has the port."""
        web = [c for c in containers if c.app in side.reach and c.state in UP]
        if web:
            ports = {side.reach[c.app].port for c in web}
            apps = [side.stack.apps[c.app] for c in web]
            accepting = max(FINISH_SECONDS, *(app.drain_seconds for app in apps))
            longest = accepting + max(app.stop_seconds for app in apps) + SPARE_SECONDS
            trouble = self.host.intake.hold(self.plan.stack, self.plan.environment, ports, longest)
            if trouble:
                self._note(f"new connections are not held while apps stop, so some may be lost: {trouble}")
            else:
                self._finish_open(ports, {c.pid for c in web}, accepting)
        self.stop(containers)

    def _finish_open(self, ports: set[int], pids: set[int], accepting: float) -> None:
        """Wait until nothing is open; what the apps have accepted they may also finish while they stop."""
        intake, clock = self.host.intake, self.host.clock
        begun = clock.monotonic()
        while intake.connections(ports) and (
            clock.monotonic() - begun < (accepting if intake.waiting(pids) else FINISH_SECONDS)
        ):
            clock.wait(DRAIN_POLL_SECONDS)
