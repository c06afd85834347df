# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running jobs of the live release: by schedule or because a person asks for it, never twice at the same time.

Which release is live, and so which image, command and values a job has, is asked at the moment when it begins. One that
goes on while its release is replaced goes on to its end: its container has what it needs.
"""

from __future__ import annotations

import dataclasses
from contextlib import AbstractContextManager

from ..errors import OperationError, RefusedError
from ..ports import Host
from ..process import lock
from ..releases.jobs import LATE_SECONDS, JobNote, schedules_of, turn_of
from ..releases.lock_holder import LockHolder
from ..releases.runs import Run, is_mine, run_id, sentence
from ..rendering import notifications
from ..stack.model import EnvironmentName, Stack
from ..util.printable import check_printable
from . import jobs, one_off, redaction
from .jobs import LiveJobs

#: How many times of a schedule are looked at, to tell how many were missed.
LOOKED_AT = 100


def alone(
    host: Host, stack: Stack, environment: EnvironmentName, name: str, who: LockHolder, wait_seconds: float = 0.0
) -> AbstractContextManager[None]:
    """Holds the lock of one job in one environment. Raises RefusedError, naming who has it."""
    return lock.hold(lock.lock_path(stack.name, f"{environment}_job_{name}", host.paths.locks), who, wait_seconds)


def now(
    host: Host, stack: Stack, environment: EnvironmentName, name: str, who: LockHolder, lock_wait: float = 0.0
) -> Run:
    """Run a job because a person asks for it. Raises RefusedError, or OperationError if it cannot be started."""
    check_printable({"run": name, "reason": who.reason})
    jobs.known(host, stack, environment, name, "run")
    with alone(host, stack, environment, name, who, lock_wait):
        _conclude_left(host, stack, environment, name)
        # Again: waiting for the lock, another release may have come.
        found = jobs.known(host, stack, environment, name, "run")
        run = _new(host, stack, environment, found, name)
        reason = redaction.redactor(host, stack)(who.reason)
        run = dataclasses.replace(run, why="person", person=who.person, host=who.host, reason=reason)
        return _carry_out(host, stack, environment, found, run)


def by_schedule(host: Host, stack: Stack, environment: EnvironmentName, name: str, who: LockHolder) -> Run | None:
    """Run a job because its time has come. None if there is nothing to do: it is suspended, this turn had its run, or
    the live release has no such job any more."""
    with alone(host, stack, environment, name, who):
        _conclude_left(host, stack, environment, name)
        found = jobs.look(host, stack, environment)
        schedule = found.jobs[name].schedule if found and name in found.jobs else ""
        note = host.runs.notes(stack.name).get((environment, name), JobNote())
        if found is None or not schedule or note.suspended:
            return None
        before = [run for run in host.runs.records(stack.name) if is_mine(run, stack, environment, name)]
        last = max((run.begun for run in before if run.why == "schedule"), default=0.0)
        times = host.schedule.upcoming(schedule, max(last, found.since, note.at), LOOKED_AT)
        turn = turn_of(times, host.clock.now())
        if turn is None:
            return None
        late = host.clock.now() - turn.due
        text = f"began {late:.0f} s after its time" if late > LATE_SECONDS else ""
        run = dataclasses.replace(
            _new(host, stack, environment, found, name), missed=turn.missed, person=who.person, host=who.host, late=text
        )
        return _carry_out(host, stack, environment, found, run)


def mend(host: Host, stack: Stack, environment: EnvironmentName) -> list[str]:
    """After a kill or a boot: runs that have ended while nobody waited for them are concluded, and the timers are those
    of the live release. Returns what was found, one sentence each."""
    told: list[str] = []
    known = host.runs.records(stack.name)
    if not (known or stack.jobs_in(environment)):
        return told
    open_runs = [run for run in known if not run.is_over and is_mine(run, stack, environment)]
    left = host.one_off.found(stack.name, environment)
    going = {container.app for container in left if container.is_up}
    for name in sorted({run.app for run in open_runs} | {container.app for container in left}):
        who = lock.this_process("recover", "root", "", host.clock.now())
        try:
            with alone(host, stack, environment, name, who):
                if name not in going:
                    told += [sentence(run) for run in _conclude_left(host, stack, environment, name)]
        except RefusedError:
            continue  # somebody waits for it
    found = jobs.look(host, stack, environment)
    wanted = schedules_of(found.jobs) if found else {}
    if (wanted or stack.jobs_in(environment)) and host.schedule.provide(stack.name, environment, wanted):
        told.append(f"{stack.name} {environment}: the timers of its jobs were set")
    return told


def _new(host: Host, stack: Stack, environment: EnvironmentName, found: LiveJobs, name: str) -> Run:
    app, moment = found.jobs[name], host.clock.now()
    return Run(
        id=run_id(moment, environment, name, [run.id for run in host.runs.records(stack.name)]),
        stack=stack.name,
        environment=environment,
        app=name,
        release=found.live.release,
        why="schedule",
        begun=moment,
        deadline_seconds=float(app.timeout_seconds),
        stop_seconds=app.stop_seconds,
    )


def _carry_out(host: Host, stack: Stack, environment: EnvironmentName, found: LiveJobs, run: Run) -> Run:
    slot = jobs.slot_of(host, stack, environment, found.live)
    redact = redaction.redactor(host, stack)
    try:
        ended = one_off.carry_out(host, stack, slot, run, redact=redact)
    except OperationError as error:
        if (left := host.runs.record(stack.name, run.id)) is not None:
            _tell(host, stack, left)
        raise redaction.redact_error(error, redact) from error
    _tell(host, stack, ended)
    return ended


def _conclude_left(host: Host, stack: Stack, environment: EnvironmentName, name: str) -> list[Run]:
    """With the job's lock held nobody waits for what is open still. One that goes on is waited for, within its time."""
    found = one_off.sweep(host, stack, environment, redaction.redactor(host, stack), name)
    for run in found:
        _tell(host, stack, run)
    return found


def _tell(host: Host, stack: Stack, run: Run) -> None:
    host.page.renew(stack.name)
    if run.outcome != "succeeded" or run.missed or run.late:
        # Of a run by schedule the process ends with it, and what it has begun with that.
        host.notifier.notify(notifications.job(run, host.clock.now()), wait=run.why == "schedule")
