# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out another number of containers of one app of the live release. Every step can be repeated, so an operation
and its recovery are the same steps, to the number asked for or back to the one before."""

from __future__ import annotations

import dataclasses
import functools

from ..errors import OperationError
from ..hints import hint
from ..planning.scale import ScalePlan
from ..ports import Host
from ..process.journal import Journal
from ..releases.history import find
from ..releases.reach import Reach, reach_of
from ..releases.replicas import Scale, with_replicas
from ..releases.runtime import Container
from ..releases.slot import day_of
from ..stack.model import App, Slot, Stack
from ..stack.replicas import unit
from . import witnesses
from .health import Health

DRAIN_POLL_SECONDS = 0.05


class Scaling:
    """One app of the live release, on one host."""

    def __init__(self, host: Host, stack: Stack, plan: ScalePlan, journal: Journal) -> None:
        self.host, self.current, self.plan, self.journal = host, stack, plan, journal

    @functools.cached_property
    def day(self) -> Stack:
        """The stack as the live release defines it."""
        entry = find(witnesses.entries(self.host, self.current.name), self.plan.release)
        return day_of(entry.release, self.current) if entry else self.current

    @property
    def app(self) -> App:
        return self.day.apps[self.plan.app]

    def carry_out(self) -> None:
        """To the number asked for. Raises OperationError; the caller then calls `put_back`."""
        self._bring_to(self.plan.to, self.plan.after, beyond=min(self.plan.was, self.plan.to))

    def put_back(self) -> None:
        """To the number of before. Only what has to be started again is waited for."""
        with self.journal.step("back", f"back to {self.plan.was}"):
            self._bring_to(self.plan.was, self.plan.before, beyond=self.plan.was)

    def _bring_to(self, number: int, note: Scale | None, *, beyond: int) -> None:
        missing = [k for k in range(1, number + 1) if not self._runs(k)]
        if missing:
            with self.journal.step("start", f"start {', '.join(unit(self.app.name, k) for k in missing)}"):
                self._start(missing, number)
        new = sorted({*missing, *range(beyond + 1, number + 1)})
        if new:
            with self.journal.step("healthy", "wait until they are healthy"):
                health = Health(self.host, self.day, self.plan.environment, self.plan.slot, self._containers)
                health.wait_for([(self.app, k) for k in new], self.journal)
        with self.journal.step("scale", f"{self.app.name} has {number} from now on"):
            self._tell_router(number)
            self._note(note)
        left = [c for c in self._containers() if c.replica > number]
        if left and self.app.is_web:
            with self.journal.step("drain", f"drain {', '.join(c.unit for c in left)}"):
                self._drain({c.replica for c in left})
        # Files that were lost have none, and must not keep what is on its way back from getting there.
        if left or self._files() not in (0, number):
            with self.journal.step("stop", "stop and remove what is too many"):
                self._remove(left, number)

    def _containers(self) -> list[Container]:
        plan = self.plan
        found = self.host.docker.containers(self.current.name, plan.environment, plan.slot)
        return [c for c in found if (c.release, c.app) == (plan.release, plan.app)]

    def _runs(self, number: int) -> bool:
        return any(c.replica == number and c.state == "running" for c in self._containers())

    def _files(self) -> int:
        """How many containers the slot's files have."""
        compose = self.host.store.slot_compose(self.current.name, self.plan.environment, self.plan.slot)
        services = compose.get("services", {})
        return next((k - 1 for k in range(1, len(services) + 2) if unit(self.plan.app, k) not in services), 0)

    def _write(self, number: int) -> str:
        """Write the slot's Compose file with so many. Returns its path."""
        store, plan = self.host.store, self.plan
        compose = store.slot_compose(self.current.name, plan.environment, plan.slot)
        check_files(self.host, self.current, plan)
        store.set_slot_compose(self.current, plan.environment, plan.slot, with_replicas(compose, plan.app, number))
        return store.slot_compose_path(self.current, plan.environment, plan.slot)

    def _start(self, numbers: list[int], number: int) -> None:
        # Compose removes containers that its file does not have, and these are to end in order.
        most = max([number, *(container.replica for container in self._containers())])
        path = self._write(most)
        names = [unit(self.plan.app, k) for k in numbers]
        self.host.docker.create_and_start(path, self.current.directory, names)

    def _tell_router(self, number: int) -> None:
        """From now on requests are for so many. What the others have of them goes on."""
        if not self.app.is_web:
            return
        plan, router = self.plan, self.host.router
        known = router.reach(self.current.name, plan.environment)
        mine = known.get(plan.slot, {})
        usual = reach_of(self.day, [plan.app], plan.environment, plan.slot)[plan.app]
        at = dataclasses.replace(mine.get(plan.app, usual), replicas=number)
        slots: dict[Slot, dict[str, Reach]] = {**known, plan.slot: {**mine, plan.app: at}}
        router.set_reach(self.current.name, plan.environment, slots)

    def _note(self, note: Scale | None) -> None:
        known = dict(self.host.store.scales(self.current.name).get(self.plan.environment, {}))
        wanted = {**known, self.plan.app: note} if note else {k: v for k, v in known.items() if k != self.plan.app}
        if wanted != known:
            self.host.store.set_scales(self.current, self.plan.environment, wanted)

    def _drain(self, numbers: set[int]) -> None:
        """Wait until the router counts no session on them, at most the app's own time."""
        plan, clock = self.plan, self.host.clock
        begun, calm = clock.monotonic(), 0
        while calm < 2 and clock.monotonic() - begun < self.app.drain_seconds:
            found = self.host.router.replica_sessions(self.current.name, plan.environment, plan.slot, plan.app)
            # Twice in a row: a request that was in flight at the first count shows up in the second.
            calm = 0 if any(found.get(number, 0) for number in numbers) else calm + 1
            clock.wait(DRAIN_POLL_SECONDS)

    def _remove(self, containers: list[Container], number: int) -> None:
        running = [c for c in containers if c.state in ("running", "restarting", "paused")]
        self.host.docker.stop(running, {self.app.name: self.app.stop_seconds})
        for container in containers:
            self.host.docker.remove(container)
        if self._files():
            self._write(number)


def check_files(host: Host, stack: Stack, plan: ScalePlan) -> None:
    """Before anything begins. Raises OperationError if the slot's files are not those of the live release."""
    if host.store.slot_release(stack.name, plan.environment, plan.slot) != plan.release:
        where = host.store.slot_compose_path(stack, plan.environment, plan.slot)
        fix = hint("promote" if plan.environment == "production" else "deploy_staging")
        raise OperationError("the files of the slot are damaged", where, "they are not of the live release", fix)
