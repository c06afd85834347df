# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of a live release: which there are, when they run next, and having one of them not run by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import OperationError, Problem, RefusedError
from ..hints import RELEASING, hint
from ..ports import Host
from ..releases.history import find
from ..releases.jobs import JobNote, JobStatus, jobs_of, status_of
from ..releases.lock_holder import LockHolder
from ..releases.release import Live, seconds_of
from ..releases.runs import is_job_s
from ..releases.slot import day_of
from ..stack.model import App, EnvironmentName, Stack
from ..util.printable import check_printable
from . import redaction, witnesses


class LiveJobs(NamedTuple):
    """What is live in an environment, since when, and its jobs."""

    live: Live
    since: float
    jobs: dict[str, App]


def look(host: Host, stack: Stack, environment: EnvironmentName) -> LiveJobs | None:
    """The live release as far as its jobs are concerned; None if nothing is live."""
    live = witnesses.live(host, stack.name, environment)
    entry = find(witnesses.entries(host, stack.name), live.release) if live else None
    if live is None or entry is None:
        return None
    day = day_of(entry.release, stack)
    return LiveJobs(live, seconds_of(entry.since) or 0.0, jobs_of(day, environment, entry.release.services))


def known(host: Host, stack: Stack, environment: EnvironmentName, name: str, option: str) -> LiveJobs:
    """The live release, which has this job. Raises RefusedError. `option` is by what the job was named."""
    found = look(host, stack, environment)
    if found is None:
        what = f"nothing is live in {environment}, so no job can be run there"
        raise RefusedError([Problem(what, f"stack {stack.name}", hint(RELEASING[environment]))])
    if name not in found.jobs:
        what = f"{name!r} is no job of {found.live.release}, which is live in {environment}"
        fix = "choose from " + ", ".join(found.jobs) if found.jobs else "it has none; a release with `kind: job` has"
        raise RefusedError([Problem(what, option, fix)])
    return found


def listing(
    host: Host, stack: Stack, environment: EnvironmentName, found: Mapping[str, App] | None = None
) -> dict[str, JobStatus]:
    """Every job of the live release. Pass `found`, its jobs, to avoid looking again."""
    if found is None:
        seen = look(host, stack, environment)
        found = seen.jobs if seen else {}
    if not found:
        return {}
    runs, notes = host.runs.records(stack.name), host.runs.notes(stack.name)
    rows = {}
    for name, app in found.items():
        last = next((run for run in runs if is_job_s(run, stack, environment, name)), None)
        times = host.schedule.upcoming(app.schedule, host.clock.now(), 1) if app.schedule else []
        rows[name] = status_of(app, notes.get((environment, name), JobNote()), next(iter(times), None), last)
    return rows


def suspend(
    host: Host,
    stack: Stack,
    environment: EnvironmentName,
    name: str,
    who: LockHolder,
    *,
    suspended: bool,
    write: bool = True,
) -> bool:
    """Have a job not run by its schedule, or run again. Returns whether that is a change. Raises RefusedError."""
    option = "suspend" if suspended else "resume"
    check_printable({option: name, "reason": who.reason})
    note = host.runs.notes(stack.name).get((environment, name), JobNote())
    # What was suspended can be resumed also while no release has it.
    if not note.suspended and not known(host, stack, environment, name, option).jobs[name].schedule:
        what = f"{name} has no schedule, so there is nothing to {option}"
        raise RefusedError([Problem(what, f"stack {stack.name} {environment}", "take it out of the stack's `hooks`")])
    if note.suspended == suspended:
        return False
    if write:
        reason = redaction.redactor(host, stack)(who.reason)
        changed = JobNote(suspended, who.person, reason, host.clock.now())
        host.runs.set_note(stack.name, environment, name, changed)
        host.page.renew(stack.name)
    return True


def slot_of(host: Host, stack: Stack, environment: EnvironmentName, live: Live) -> Mapping[str, Any]:
    """What the slot of a release was created from, which its jobs are created from too. Raises OperationError."""
    if host.store.slot_release(stack.name, environment, live.slot) != live.release:
        what, where = "the files of the slot are of another release", f"{stack.name} {environment} {live.slot}"
        raise OperationError(what, where, f"{live.release} is live", hint(RELEASING[environment]))
    return host.store.slot_compose(stack.name, environment, live.slot)
