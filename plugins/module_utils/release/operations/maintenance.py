# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance: close an environment, an app or a path for visitors until a moment, and open it again.

The record comes first, then the router, which compares its own clock with the end of each: what is over is open,
whether or not a timer comes to remove it. It has a lock of its own, so that an operation may run meanwhile.
"""

from __future__ import annotations

import datetime
import os
from dataclasses import dataclass, field, replace

from ..errors import OperationError, Problem, RefusedError
from ..hints import host_command, option
from ..planning import maintenance as plan
from ..planning.maintenance import Wish
from ..ports import Host
from ..process import journal
from ..process.journal import Journal
from ..releases.lock_holder import LockHolder
from ..stack.maintenance import Maintenance
from ..stack.model import EnvironmentName, Stack
from . import flags, redaction
from . import maintenance_journal as kept
from . import maintenance_state as state


@dataclass
class MaintenanceReport:
    """What is closed now, or would be, as sentences."""

    changed: bool = False
    lines: list[str] = field(default_factory=list)


def request(host: Host, stack: Stack, wish: Wish, who: LockHolder, *, check: bool = False) -> MaintenanceReport:
    """What a person asks for. Raises RefusedError with every problem, or OperationError."""
    problems: list[Problem] = []
    environment = plan.environment_of(wish, problems)
    if wish.state not in ("on", "off"):
        what = f"{wish.state!r} is neither on nor off" if wish.state else "is not given"
        problems.append(Problem(what, "state", f"{option('state', 'on')} or off"))
    stacks, now = flags.defining(host, stack, environment), host.clock.now()
    new = None
    if wish.state == "off":
        plan.check_place(wish, stacks, problems)
        unused = [("until", wish.until), ("allow", wish.allow)]
        problems += [Problem("has no effect on an end", name, "leave it out") for name, value in unused if value]
    else:
        new = plan.check(wish, stacks, now, problems)
    if not problems and (problem := host.maintenance.problem(stack.name, environment)):
        problems.append(problem)
    if problems:
        raise RefusedError(problems)
    if check:
        return _change(host, stack, environment, wish, new, who, write=False)
    try:
        with kept.locked(host, stack, environment, who):
            return _change(host, stack, environment, wish, new, who, write=True)
    except OSError as error:
        what, where = "the maintenance could not be changed", f"{stack.name} {environment}"
        raise OperationError(what, where, str(error), host_command("df -h")) from error


def _change(
    host: Host,
    stack: Stack,
    environment: EnvironmentName,
    wish: Wish,
    new: Maintenance | None,
    who: LockHolder,
    *,
    write: bool,
) -> MaintenanceReport:
    now = host.clock.now()
    recorded = host.maintenance.recorded(stack.name, environment)
    known = plan.lasting(recorded, now)
    redact = redaction.redactor(host, stack)
    if new is None:
        wanted = plan.ended(known, wish)
        text = f"{environment}: the maintenance of {plan.part(Maintenance(0, wish.app, wish.route.rstrip('/')))} ends"
    else:
        at = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        new = replace(new, person=who.person, reason=redact(who.reason), at=at)
        wanted = plan.begun(known, new)
        text = plan.line(environment, new)
    same = len(wanted) == len(known) and all(any(plan.is_same(one, other) for other in known) for one in wanted)
    if same:
        found = [plan.line(environment, one) for one in known] or [f"{environment} is not in maintenance"]
        if write:
            if len(known) != len(recorded):
                # What is over must not begin again when the clock is set back.
                host.maintenance.record(stack.name, environment, known)
            # The router may have refused it the last time.
            state.apply(host, stack, environment, known)
        return MaintenanceReport(False, found)
    left = [plan.line(environment, one) for one in wanted if one is not new]
    if write:
        with kept.journaled(host, stack, environment, who, text) as log:
            host.maintenance.record(stack.name, environment, wanted)
            log.add("recorded")
            state.apply(host, stack, environment, wanted)
        kept.tell(host, stack, environment, who, text)
    return MaintenanceReport(True, [text if write else f"would be: {text}", *left])


def settle(
    host: Host, stack: Stack, environment: EnvironmentName, who: LockHolder, *, force: bool = False
) -> list[str]:
    """Forget what is over, have the router be as the record says, and set the timer that a reboot removes. Returns what
    has ended. With `force`, the router's memory is made anew, too: somebody was interrupted."""
    if not force and not host.maintenance.recorded(stack.name, environment):
        return []
    with kept.locked(host, stack, environment, who):
        recorded = host.maintenance.recorded(stack.name, environment)
        lasting = plan.lasting(recorded, host.clock.now())
        over = [one for one in recorded if one not in lasting]
        text = f"{environment}: the maintenance of {', '.join(plan.part(one) for one in over)} is over"
        if not over:
            state.apply(host, stack, environment, lasting, must_run=False)
            return []
        with kept.journaled(host, stack, environment, who, text):
            host.maintenance.record(stack.name, environment, lasting)
            state.apply(host, stack, environment, lasting, must_run=False)
        kept.tell(host, stack, environment, who, text)
    return [text]


def recover(host: Host, stack: Stack, record: journal.Record, log: Journal, found: str) -> str:
    """One that was interrupted: the record decides whether it had begun, and the router follows it."""
    environment: EnvironmentName = record.header["environment"]
    who = LockHolder.from_json({"operation": "recover", "person": record.header.get("person"), "pid": os.getpid()})
    settle(host, stack, environment, who, force=True)
    if journal.read(record.path).is_finished:
        return f"{os.path.basename(record.path)} has ended meanwhile"
    log.add("end", outcome="succeeded", message=f"{found}; it is as recorded")
    return f"{found}; {' and '.join(state.lines(host, stack, environment)) or f'{environment} is not in maintenance'}"
