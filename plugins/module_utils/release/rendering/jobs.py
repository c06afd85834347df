# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as text: what runs next, what became of the last runs, and what a run has printed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from ..releases.jobs import JobStatus
from ..releases.runs import Run, sentence
from .report import table

_NAMES = {"timed_out": "took too long", "running": "goes on"}


def job_lines(stack: str, environment: str, jobs: Mapping[str, JobStatus]) -> list[str]:
    """The list of an environment."""
    if not jobs:
        return [f"{stack} {environment}: the live release has no jobs"]
    rows = [[name, job.schedule or "-", _next(job), moment(job.last_at), _result(job)] for name, job in jobs.items()]
    return table([f"job of {stack} {environment}", "schedule", "next run", "last run", "result"], rows)


def status_lines(environment: str, jobs: Mapping[str, JobStatus]) -> list[str]:
    """One line for the jobs of an environment that has any, and one for each that is not as it should be."""
    if not jobs:
        return []
    times = [job.next_at for job in jobs.values() if job.next_at is not None]
    lines = [f"jobs of {environment}: {len(jobs)}" + (f", the next runs {moment(min(times))}" if times else "")]
    lines += [f"   {environment} {text}" for text in troubles(jobs)]
    return lines


def troubles(jobs: Mapping[str, JobStatus]) -> list[str]:
    """Jobs whose last run was not as it should be, and those that are suspended."""
    wrong = [f"{name}: {_result(job)}, {moment(job.last_at)}" for name, job in jobs.items() if job.is_wrong]
    return wrong + [f"{name}: suspended {job.suspended}" for name, job in jobs.items() if job.suspended]


def run_lines(run: Run) -> list[str]:
    """One run that is over, with what it printed."""
    return [sentence(run) + (f": {run.message}" if run.message and not run.exit_code else ""), *_log(run)]


def history_lines(runs: Sequence[Run]) -> list[str]:
    """The newest runs of a job, and what the newest one printed."""
    if not runs:
        return ["it has not run yet"]
    rows = [
        [
            moment(run.begun),
            _NAMES.get(run.outcome, run.outcome),
            "-" if run.exit_code is None else str(run.exit_code),
            "-" if run.seconds is None else f"{run.seconds:g} s",
            run.why + (f", {run.person}" if run.person else ""),
            run.reason,
            run.release,
        ]
        for run in runs
    ]
    return [*table(["began", "result", "code", "took", "by", "reason", "release"], rows), *_log(runs[0])]


def moment(at: float | None) -> str:
    return "-" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def _next(job: JobStatus) -> str:
    return f"suspended {job.suspended}" if job.suspended else moment(job.next_at)


def _result(job: JobStatus) -> str:
    if not job.outcome:
        return "-"
    took = f" in {job.seconds:g} s" if job.seconds is not None else ""
    code = f", exit code {job.exit_code}" if job.exit_code else ""
    missed = f", {job.missed} missed before it" if job.missed else ""
    return f"{_NAMES.get(job.outcome, job.outcome)}{took}{code}{missed}"


def _log(run: Run) -> Iterable[str]:
    return [f"   {line}" for line in run.log]
