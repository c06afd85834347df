# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person asks for about jobs: the list, a run now, one not to run by itself, what became of its runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import Problem, RefusedError
from ..hints import option
from ..ports import Host
from ..releases.jobs import JobStatus
from ..releases.lock_holder import LockHolder
from ..releases.runs import is_job_s
from ..rendering import jobs as text
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from . import job_runs, jobs, redaction

#: How many runs of a job are listed.
HISTORY = 10


@dataclass(frozen=True)
class JobWish:
    """At most one of these names a job."""

    environment: str = ""
    run: str = ""
    suspend: str = ""
    resume: str = ""
    history: str = ""
    lock_wait: float = 0.0


@dataclass
class JobsReport:
    """What was done, or would be, as sentences; and the jobs of each environment, where they were asked for."""

    changed: bool = False
    failed: bool = False
    lines: list[str] = field(default_factory=list)
    jobs: dict[str, dict[str, JobStatus]] = field(default_factory=dict)

    @property
    def plain_jobs(self) -> dict[str, dict[str, dict[str, object]]]:
        """The same as data for programs."""
        return {place: {name: dict(vars(row)) for name, row in rows.items()} for place, rows in self.jobs.items()}


def request(host: Host, stack: Stack, wish: JobWish, who: LockHolder, *, check: bool = False) -> JobsReport:
    """Raises RefusedError, or OperationError if a run cannot be started."""
    named: list[EnvironmentName] = [name for name in ENVIRONMENTS if wish.environment in ("", name)]
    asked = [name for name in ("run", "suspend", "resume", "history") if getattr(wish, name)]
    if not named:
        what = f"{wish.environment!r} is not an environment"
        raise RefusedError([Problem(what, "where", "choose from " + ", ".join(ENVIRONMENTS))])
    if len(asked) > 1:
        raise RefusedError([Problem("are too much at once", ", ".join(asked), "ask for one of them")])
    if asked and not wish.environment:
        raise RefusedError([Problem("is not given", "where", option("where", "<which>"))])
    if wish.run:
        return _run(host, stack, named[0], wish, who, check)
    if wish.suspend or wish.resume:
        return _suspend(host, stack, named[0], wish, who, check)
    return _history(host, stack, named[0], wish.history) if wish.history else listing(host, stack, named)


def listing(host: Host, stack: Stack, environments: list[EnvironmentName]) -> JobsReport:
    report = JobsReport(jobs={name: jobs.listing(host, stack, name) for name in environments})
    report.lines = [line for name, mine in report.jobs.items() for line in text.job_lines(stack.name, name, mine)]
    return report


def _run(
    host: Host, stack: Stack, environment: EnvironmentName, wish: JobWish, who: LockHolder, check: bool
) -> JobsReport:
    if check:
        found = jobs.known(host, stack, environment, wish.run, "run")
        seconds = found.jobs[wish.run].timeout_seconds
        line = f"{environment}: would run {wish.run} of {found.live.release}, for at most {seconds} s"
        return JobsReport(True, lines=[line])
    run = job_runs.now(host, stack, environment, wish.run, who, wish.lock_wait)
    return JobsReport(True, run.outcome != "succeeded", text.run_lines(run))


def _suspend(
    host: Host, stack: Stack, environment: EnvironmentName, wish: JobWish, who: LockHolder, check: bool
) -> JobsReport:
    name, suspended = wish.suspend or wish.resume, bool(wish.suspend)
    changed = jobs.suspend(host, stack, environment, name, who, suspended=suspended, write=not check)
    state = "does not run by its schedule" if suspended else "runs by its schedule"
    verb = f"would be {'suspended' if suspended else 'resumed'}" if check else state + (", from now on" * changed)
    return JobsReport(changed, lines=[f"{environment}: {name} {verb if changed else f'{state} already'}"])


def _history(host: Host, stack: Stack, environment: EnvironmentName, name: str) -> JobsReport:
    mine = [run for run in host.runs.records(stack.name) if is_job_s(run, stack, environment, name)]
    if not mine:
        jobs.known(host, stack, environment, name, "history")
    redact = redaction.redactor(host, stack)
    return JobsReport(lines=[redact(line) for line in text.history_lines(mine[:HISTORY])])
