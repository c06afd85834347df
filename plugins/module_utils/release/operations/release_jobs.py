# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout does with the jobs of its releases: timers follow the switch, hooks run before and after it.

A hook's run is named after its operation, so its record tells recovery how far it came: it is never begun twice.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping

from ..errors import OperationError, RefusedError
from ..hints import hint
from ..ports import Host
from ..process import lock
from ..process.journal import Journal
from ..releases.history import find
from ..releases.jobs import jobs_of, schedules_of
from ..releases.plan import Plan
from ..releases.runs import Run, Why
from ..releases.slot import day_of
from ..stack.model import App, Stack
from . import job_runs, jobs, one_off, redaction, witnesses

UNDONE = "was stopped, because the operation that it belongs to was undone"


class ReleaseJobs:
    """The jobs of the release that a plan brings live, and of the one before. `day` is the stack as the former defines
    it, `notes` what people should know in the end."""

    def __init__(self, host: Host, stack: Stack, day: Stack, plan: Plan, journal: Journal) -> None:
        self.host, self.stack, self.day, self.plan, self.journal = host, stack, day, plan, journal
        self.mine = jobs_of(day, plan.environment, plan.release.services)
        self.notes: list[str] = []

    # Timers

    @functools.cached_property
    def _before(self) -> dict[str, App]:
        """The jobs of the release that is live before."""
        was = self.plan.was
        entry = find(witnesses.entries(self.host, self.stack.name), was.release) if was else None
        if entry is None:
            return self.stack.jobs_in(self.plan.environment) if was else {}
        return jobs_of(day_of(entry.release, self.stack), self.plan.environment, entry.release.services)

    def switch_timers(self, old: Stack | None) -> None:
        """Part of the switch: from now on the new release decides what runs when. `old` is the stack as the release
        before defines it: systemd is asked only where one of both has jobs."""
        self._provide(self.mine, old)

    def switch_timers_back(self, old: Stack | None) -> None:
        self._provide(self._before if self._have_any(old) else {}, old)

    def _provide(self, wanted: Mapping[str, App], old: Stack | None) -> None:
        if self._have_any(old):
            self.host.schedule.provide(self.plan.stack, self.plan.environment, schedules_of(wanted))

    def _have_any(self, old: Stack | None) -> bool:
        environment = self.plan.environment
        return bool(schedules_of(self.mine) or (old and schedules_of(old.jobs_in(environment))))

    # Hooks

    def hooks(self, when: Why) -> list[App]:
        """The jobs that run at this point. A rollback has none: the way back depends on as little as possible."""
        if self.plan.operation == "rollback":
            return []
        return [self.mine[name] for name in self.day.hooks.get(when, ()) if name in self.mine]

    def run_hooks(self, when: Why) -> None:
        """Run the hooks of this point one after the other, or take up what an interrupted operation has left of them.
        Raises OperationError at the first that fails."""
        for job in self.hooks(when):
            self._run_hook(when, job)

    def stop_hooks(self) -> None:
        """Before everything is put back: nothing of a hook goes on. Can be repeated."""
        for when in ("before_switch", "after_switch"):
            for job in self.hooks(when):
                known = self.host.runs.record(self.plan.stack, self._id(when, job))
                if known is None:
                    continue
                ended = one_off.give_up(self.host, known, UNDONE, redaction.redactor(self.host, self.stack))
                if not known.is_over:
                    self._note(f"{when}: {job.name} {ended.outcome}: {ended.message}")

    def _run_hook(self, when: Why, job: App) -> None:
        environment, redact = self.plan.environment, redaction.redactor(self.host, self.stack)
        known = self.host.runs.record(self.plan.stack, self._id(when, job))
        if known is not None and known.started and not known.is_over:
            self._note(f"{when}: {job.name} had begun before the interruption; it is not begun again")
        who, wait = lock.this_process(when, "", "", self.host.clock.now()), float(job.timeout_seconds)
        try:
            with job_runs.alone(self.host, self.stack, environment, job.name, who, wait):
                slot = jobs.slot_of(self.host, self.stack, environment, self.plan.goal)
                run = one_off.carry_out(self.host, self.stack, slot, self._run(when, job), redact=redact)
        except RefusedError as busy:
            what, cause = f"{when}: {job.name} goes on elsewhere", busy.problems[0].what
            raise OperationError(what, f"{self.plan.stack} {environment}", cause) from busy
        took = f" after {run.seconds or 0:g} s"
        if run.outcome == "succeeded":
            self._note(f"{when}: {job.name} succeeded{took}")
            return
        what = "took too long" if run.outcome == "timed_out" else run.outcome
        raise OperationError(
            f"{when}: {job.name} {what}{took}",
            f"{self.plan.stack} {environment}",
            run.message,
            f"{hint('jobs', where=environment)} shows its last run; mend it, and start the operation again",
            log=list(run.log[-20:]),
        )

    def _run(self, when: Why, job: App) -> Run:
        return Run(
            id=self._id(when, job),
            stack=self.plan.stack,
            environment=self.plan.environment,
            app=job.name,
            release=self.plan.release.id,
            why=when,
            begun=self.host.clock.now(),
            person=self.plan.release.person,
            reason=self.plan.release.reason,
            deadline_seconds=float(job.timeout_seconds),
            stop_seconds=job.stop_seconds,
        )

    def _id(self, when: str, job: App) -> str:
        """The same for the same operation, whoever asks; the journal's name begins with its time."""
        name = os.path.basename(self.journal.path or "").removesuffix(".jsonl")
        moment, _separator, rest = name.partition("-")
        return f"{moment}-{self.plan.environment}-{job.name}.{when}-{rest.rpartition('-')[2]}"

    def _note(self, text: str) -> None:
        self.journal.note(text)
        self.notes.append(text)


def previewed(day: Stack, plan: Plan) -> list[str]:
    """What an operation would do with hooks and timers, one sentence each."""
    mine = jobs_of(day, plan.environment, plan.release.services)
    if plan.operation == "rollback":
        return ["no hooks are run by a rollback"] if any(day.hooks.values()) else []
    return [
        f"{when}: would run {name}, for at most {mine[name].timeout_seconds} s"
        for when, names in day.hooks.items()
        for name in names
        if name in mine
    ]
