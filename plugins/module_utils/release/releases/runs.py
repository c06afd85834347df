# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-off runs: one container of a release's app, beside its slot, with a beginning, an end and a record."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from ..stack.model import EnvironmentName, Stack
from .compose import LABEL
from .release import next_timestamp

#: The label that tells the container of a run from one of a slot or a service.
RUN = f"{LABEL}.run"
#: Who or what has started it.
Why = Literal["schedule", "person", "before_switch", "after_switch"]
#: interrupted: nobody can say that it came to its own end.
Outcome = Literal["running", "succeeded", "failed", "timed_out", "interrupted"]


@dataclass(frozen=True)
class Run:
    """The record of one run. `command` is empty for the app's own, `ended` None while nothing is known of its end."""

    id: str
    stack: str
    environment: EnvironmentName
    app: str
    release: str
    why: Why
    begun: float
    person: str = ""
    host: str = ""
    reason: str = ""
    command: tuple[str, ...] = ()
    deadline_seconds: float = 3600.0
    stop_seconds: int = 10
    #: Its container was started: from then on its end is known by that container alone.
    started: bool = False
    ended: float | None = None
    exit_code: int | None = None
    outcome: Outcome = "running"
    #: What is to be said of its outcome, and the last of what it printed, oldest first.
    message: str = ""
    log: tuple[str, ...] = ()
    #: For one by schedule: how many times of its schedule passed before it without a run.
    missed: int = 0
    #: And by how much it began after its time, if that is worth a word.
    late: str = ""

    @property
    def seconds(self) -> float | None:
        return None if self.ended is None else round(max(0.0, self.ended - self.begun), 1)

    @property
    def is_over(self) -> bool:
        return self.ended is not None

    @property
    def service(self) -> str:
        """Its name in the network of the slot. No app is called so: their names have no underscore."""
        return f"{self.app}_run"

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Run:
        """Raises ValueError if this is no record of a run."""
        names = {field.name for field in dataclasses.fields(cls)}
        try:
            run = cls(**{key: value for key, value in data.items() if key in names})
            return dataclasses.replace(run, command=tuple(run.command), log=tuple(run.log))
        except TypeError as error:
            raise ValueError(str(error)) from error


@dataclass(frozen=True)
class RunContainer:
    """The container of a run. `state` is Docker's word."""

    id: str
    app: str
    run: str
    state: str
    exit_code: int

    @property
    def is_up(self) -> bool:
        return self.state in ("running", "restarting", "paused")

    @property
    def has_begun(self) -> bool:
        return self.state != "created"


def run_id(now: float, environment: EnvironmentName, app: str, known: Iterable[str]) -> str:
    """A name for a run that begins now; it sorts after all that are known."""
    moment = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    return f"{next_timestamp(moment, known)}-{environment}-{app}"


def record_of(data: Any) -> Run | None:
    """A record as a file has it; None if it is none."""
    try:
        return Run.from_json(cast(dict[str, Any], data)) if isinstance(data, dict) else None
    except ValueError:
        return None


def is_mine(run: Run, stack: Stack, environment: EnvironmentName, app: str = "") -> bool:
    return run.stack == stack.name and run.environment == environment and app in ("", run.app)


def sentence(run: Run) -> str:
    """What became of a run, in the engine's own words."""
    what = {"timed_out": "took too long", "running": "goes on"}.get(run.outcome, run.outcome)
    took = f" after {run.seconds:g} s" if run.seconds is not None else ""
    code = f", exit code {run.exit_code}" if run.exit_code else ""
    missed = f"; {run.missed} times of its schedule passed without a run" if run.missed else ""
    return f"{run.app} of {run.stack} {run.environment} {what}{took}{code}{missed}" + (
        f"; it {run.late}" if run.late else ""
    )
