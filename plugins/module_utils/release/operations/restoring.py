# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out a restore in place, one method for each step. Every step can be repeated.

Until `open` begins nobody has written to the restored cluster, so everything can be put back, and is. From then on
there may be writes, so what is interrupted is finished.
"""

from __future__ import annotations

import functools
import os

from ..errors import OperationError
from ..hints import hint
from ..planning.maintenance import Wish as MaintenanceWish
from ..ports import Host
from ..process.journal import Journal
from ..releases.backups import RestorePoint
from ..releases.history import find
from ..releases.lock_holder import LockHolder
from ..releases.restores import Restored, RestorePlan
from ..releases.runtime import Container
from ..releases.slot import day_of
from ..rendering.restores import sentence
from ..stack.model import Stack
from . import maintenance, restored_schema, witnesses
from .health import Health
from .restore_points import RestorePoints

#: It is ended by the restore, or by the recovery of one that was killed.
CLOSED_FOR = "12h"
UP = ("running", "restarting", "paused")


class OpenRestoreError(OperationError):
    """It could neither be finished nor put back: the journal stays open for recovery."""


class Restoring:
    """One database of one environment. `notes` learns what people should know in the end."""

    def __init__(self, host: Host, stack: Stack, plan: RestorePlan, journal: Journal) -> None:
        self.host, self.stack, self.plan, self.journal = host, stack, plan, journal
        self.notes: list[str] = []
        self.point: RestorePoint | None = None
        self.timeline = ""
        #: Whether there is no way back any more.
        self.is_open = False

    @functools.cached_property
    def day(self) -> Stack:
        """The stack as the live release defines it."""
        entry = find(witnesses.entries(self.host, self.stack.name), self.plan.release)
        return day_of(entry.release, self.stack) if entry else self.stack

    def carry_out(self) -> None:
        """All of it. Raises OperationError; before `open` the caller then calls `put_back`."""
        self.close()
        self.copy()
        self.safety_point()
        self.halt()
        self.swap()
        self.replay()
        if not self.plan.then:
            # The release that is live needs what the database is about to lose.
            self.check()
        self.finish()

    def finish(self) -> None:
        """From the moment on after which there is no way back."""
        self.open()
        if not self.plan.then:
            self.start_apps()
        self.ask_schema()
        if not self.plan.then:
            self.reopen()

    def close(self) -> None:
        """Nobody sees what goes on."""
        if not self.plan.closes:
            return
        with self.journal.step("close", f"{self.plan.environment} goes into maintenance"):
            self._maintain("on")

    def safety_point(self) -> None:
        """All that was written up to here is in the archive, so the restore itself can be undone."""
        if not self.plan.runs:
            return
        with self.journal.step("restore_point", f"restore point {self.plan.point}"):
            self.host.restores.beat(self.plan.stanza)
            points = RestorePoints(self.host, self.stack, self.plan.environment)
            self.point = points.before(self.plan.database, self.plan.point)

    def halt(self) -> None:
        """Stop who uses it, then the cluster itself."""
        with self.journal.step("halt", "stop its apps and the cluster"):
            running = [one for one in self._containers(any_slot=True) if one.state in UP]
            seconds = {name: app.stop_seconds for name, app in self.day.apps.items()}
            self.host.docker.stop(running, seconds)
            self.host.restores.halt(self.plan.stanza)

    def swap(self) -> None:
        with self.journal.step("aside", f"keep the cluster of before as {self.plan.aside}"):
            self.host.restores.swap(self.plan.stanza, self.plan.aside)

    def copy(self) -> None:
        """Beside the cluster, which runs meanwhile."""
        with self.journal.step("copy", f"lay out backup {self.plan.target.label}"):
            self.host.backups.restore_into(self.plan.stanza, self.plan.fresh, self.plan.target, archive=True)

    def replay(self) -> None:
        """Bring it to the moment. Nobody can write yet."""
        with self.journal.step("replay", f"go on to {self.plan.shown}"):
            self.timeline = self.host.restores.replay(self.plan.stanza)

    def check(self) -> None:
        """Its apps are healthy on what was restored. An app that cannot live without writing is asked again once it
        may, before anybody sees it."""
        with self.journal.step("check", "its apps look at it, read-only"):
            try:
                self.start_apps()
            except OperationError as error:
                self._note(f"read-only, {error.what}: {error.cause}")
            else:
                return
        with self.journal.step("check", "its apps look at it, and may write"):
            # For a look: what they write there goes nowhere if this fails too.
            self.host.restores.open(self.plan.stanza, for_good=False)
            self.start_apps()

    def start_apps(self) -> None:
        """Start those of the live release, and wait until they are healthy. Raises OperationError."""
        self._start()
        self._wait_until_healthy()

    def _start(self) -> None:
        self.host.docker.start([one for one in self._containers() if one.state not in UP])

    def _wait_until_healthy(self) -> None:
        numbers: dict[str, int] = {}
        for one in self._containers():
            numbers[one.app] = max(one.replica, numbers.get(one.app, 1))
        if self.plan.slot is not None:
            health = Health(self.host, self.day, self.plan.environment, self.plan.slot, self._containers, numbers)
            health.wait([self.day.apps[name] for name in numbers], self.journal)

    def open(self) -> None:
        """Let apps write. The timeline is written down: later restores have to know it."""
        plan = self.plan
        self.is_open = True
        with self.journal.step("open", "let its apps write"):
            timeline = self.timeline or self.host.restores.replay(plan.stanza)
            self.host.store.add_restored(self.stack.name, plan.environment, plan.database, self._record(timeline))
            self.host.restores.open(plan.stanza, for_good=True)

    def _record(self, timeline: str) -> Restored:
        plan = self.plan
        known = self.host.store.restored(self.stack.name).get(plan.environment, {}).get(plan.database, ())
        # Repeated by a recovery, it is the same restore.
        at = next((one.at for one in known if one.aside == plan.aside), self.host.clock.now())
        point = plan.point if plan.runs else ""
        return Restored(at, plan.moment, plan.was_timeline, timeline, point, plan.aside, plan.person, plan.reason)

    def ask_schema(self) -> None:
        """What is applied may be another revision than before."""
        with self.journal.step("schema", "ask what is applied now"):
            self.notes += restored_schema.ask(self.host, self.stack, self.day, self.plan, self.journal)

    def reopen(self) -> None:
        if not self.plan.closes:
            return
        with self.journal.step("reopen", f"{self.plan.environment} is open again"):
            self._maintain("off")

    def put_back(self) -> None:
        """Everything as it was before. Can be repeated."""
        with self.journal.step("back", "the cluster of before comes back"):
            if not self.plan.runs:
                self._note("the cluster did not run before, and is as it was")
            # Whatever its apps wrote to what was restored is not theirs any more.
            self.host.docker.stop(
                [one for one in self._containers() if one.state in UP] if self._is_replaced() else [],
                {name: app.stop_seconds for name, app in self.day.apps.items()},
            )
            self.host.restores.put_back(self.plan.stanza, self.plan.aside, starts=self.plan.runs)
            self._start()
            try:
                self._wait_until_healthy()
            except OperationError as error:
                # Perhaps that is why somebody wanted to go back; nothing more can be put back here.
                self._note(f"{error.what}: {error.cause}")
        self.reopen()

    def _is_replaced(self) -> bool:
        return self.plan.aside in self.host.restores.kept(self.plan.stanza)

    def _containers(self, *, any_slot: bool = False) -> list[Container]:
        """Of the apps that use it: those of what is live, or also those that are kept warm."""
        plan = self.plan
        found = self.host.docker.containers(self.stack.name, plan.environment, None if any_slot else plan.slot)
        return [one for one in found if one.app in plan.apps and (any_slot or one.release == plan.release)]

    def _maintain(self, state: str) -> None:
        plan = self.plan
        until = CLOSED_FOR if state == "on" else ""
        who = LockHolder.from_json(
            {"operation": "restore", "person": plan.person, "reason": f"{plan.place} is restored", "pid": os.getpid()}
        )
        maintenance.request(self.host, self.stack, MaintenanceWish(state, plan.environment, until), who)

    def _note(self, text: str) -> None:
        self.journal.note(text)
        self.notes.append(text)


def carry_out(restoring: Restoring) -> None:
    """All of it, or nothing. Raises OperationError, which is an OpenRestoreError where a recovery has to go on."""
    try:
        restoring.carry_out()
    except Exception as error:
        restoring.journal.note(f"failed: {error}")
        where = restoring.plan.place
        if restoring.is_open:
            what = "the database is restored, and the rest is not done"
            raise OpenRestoreError(what, where, str(error), hint("recover")) from error
        try:
            restoring.put_back()
        except Exception as trouble:
            what = "the database could neither be restored nor put back"
            raise OpenRestoreError(what, where, f"{trouble}; before that: {error}", hint("recover")) from error
        raise


def goes_on(plan: RestorePlan) -> str:
    """What is left to do where a rollback was to follow."""
    back = hint("rollback", release=plan.then)
    opened = f", then {hint('maintenance', state='off', where=plan.environment)}" if plan.closes else ""
    return f"the apps that use it are stopped, since {plan.release} needs what is gone; go on with {back}{opened}"


def recovered(host: Host, stack: Stack, plan: RestorePlan, log: Journal, *, is_open: bool, found: str) -> str:
    """One that was interrupted: finished once its cluster was open for writing, and put back before."""
    restoring = Restoring(host, stack, plan, log)
    if is_open:
        restoring.finish()
        if plan.then:
            restoring.notes.append(goes_on(plan))
        log.add("end", outcome="succeeded", message=found, release=plan.release)
        return "; ".join([found, *restoring.notes, f"it was finished, {sentence(plan)}"])
    restoring.put_back()
    log.add("end", outcome="undone", message=found)
    return "; ".join([found, *restoring.notes, f"it was undone, {plan.place} is as it was before"])
