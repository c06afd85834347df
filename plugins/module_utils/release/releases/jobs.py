# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of a live release: when they run next, what became of their last run, and who has suspended them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..stack.model import App, EnvironmentName, Stack
from .runs import Run

#: A run that begins this much after its time was kept from it by something.
LATE_SECONDS = 60.0


@dataclass(frozen=True)
class JobNote:
    """What a person has set for a job in an environment. It stays through releases and reboots."""

    suspended: bool = False
    person: str = ""
    reason: str = ""
    at: float = 0.0


@dataclass(frozen=True)
class JobStatus:
    """A job of a live release. Texts are empty and numbers None for what it has not."""

    schedule: str = ""
    next_at: float | None = None
    #: By whom and why it was suspended.
    suspended: str = ""
    #: Its newest run.
    last: str = ""
    last_at: float | None = None
    outcome: str = ""
    message: str = ""
    seconds: float | None = None
    exit_code: int | None = None
    why: str = ""
    person: str = ""
    missed: int = 0

    @property
    def is_wrong(self) -> bool:
        return self.outcome not in ("", "succeeded", "running") or self.missed > 0


class Turn(NamedTuple):
    """A time of a schedule that has come: when it was due, and how many before it passed without a run."""

    due: float
    missed: int


def jobs_of(stack: Stack, environment: EnvironmentName, services: Collection[str]) -> dict[str, App]:
    """The jobs that a release has in an environment; it need not have all that its definition knows."""
    return {name: app for name, app in stack.jobs_in(environment).items() if name in services}


def schedules_of(jobs: Mapping[str, App]) -> dict[str, str]:
    """Those that run by themselves, with their schedules."""
    return {name: app.schedule for name, app in jobs.items() if app.schedule}


def turn_of(times: Sequence[float], now: float) -> Turn | None:
    """Which turn of a schedule this is. `times` are those that follow the last run; None if none has come yet, so that
    whoever asks twice for one turn runs it once."""
    passed = [moment for moment in times if moment <= now]
    return Turn(passed[-1], len(passed) - 1) if passed else None


def status_of(app: App, note: JobNote, next_at: float | None, last: Run | None) -> JobStatus:
    """All that is known of a job. `last` is its newest run."""
    by = f"by {note.person}" + (f": {note.reason}" if note.reason else "")
    common = JobStatus(app.schedule, None if note.suspended else next_at, by if note.suspended else "")
    if last is None:
        return common
    return JobStatus(
        common.schedule,
        common.next_at,
        common.suspended,
        last=last.id,
        last_at=last.begun,
        outcome=last.outcome,
        message=last.message,
        seconds=last.seconds,
        exit_code=last.exit_code,
        why=last.why,
        person=last.person,
        missed=last.missed,
    )
