# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-off runs: one container of a release's app, beside its slot, with a beginning, an end and a record."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

from ..stack.model import EnvironmentName, Stack
from .compose import LABEL
from .release import next_timestamp

#: The label that tells the container of a run from one of a slot or a service.
RUN = f"{LABEL}.run"
#: Who or what has started it. By hand: a command in a container of its own, or in one that runs (exec).
#: question: what is applied in a database, or whether something is to be done there; its answer is what it prints.
#: rehearsal, rehearsed_question: on a copy of a database; also the apps of the release before, which go on for a while.
Why = Literal[
    "schedule",
    "person",
    "before_switch",
    "after_switch",
    "command",
    "exec",
    "migrate",
    "question",
    "rehearsal",
    "rehearsed_question",
]
BY_HAND: tuple[Why, ...] = ("command", "exec")
OF_MIGRATIONS: tuple[Why, ...] = ("migrate", "question")
OF_REHEARSALS: tuple[Why, ...] = ("rehearsal", "rehearsed_question")
QUESTIONS: tuple[Why, ...] = ("question", "rehearsed_question")
#: interrupted: nobody can say that it came to its own end.
Outcome = Literal["running", "succeeded", "failed", "timed_out", "interrupted"]


@dataclass(frozen=True)
class Run:
    """The record of one run. `command` is empty for the app's own, `ended` None while nothing is known of its end.

    Of a command that somebody typed the record has the program alone, and the number of its further words as `words`:
    they may hold secrets that nobody knows as such."""

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
    words: int = 0
    #: False where what it prints goes to whoever waits for it, and nowhere else.
    keeps_log: bool = True
    #: By hand in a container that runs: that container, and what Docker calls the process.
    container: str = ""
    process: str = ""

    @property
    def seconds(self) -> float | None:
        return None if self.ended is None else round(max(0.0, self.ended - self.begun), 1)

    @property
    def is_over(self) -> bool:
        return self.ended is not None

    @property
    def service(self) -> str:
        """Its name in the network of the slot. No app is called so: their names have no underscore. Of runs by hand
        there may be several at a time."""
        if self.why in QUESTIONS:
            return f"{self.app}_run_{self.id.rpartition('-')[2]}"
        return f"{self.app}_run" + (f"_{self.id.partition('-')[0].lower()}" if self.why in BY_HAND else "")

    def to_json(self) -> dict[str, Any]:
        data = dict(vars(self))
        if self.why in BY_HAND and len(self.command) > 1:
            data |= {"command": self.command[:1], "words": len(self.command) - 1}
        return data

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
    #: In its network, if it runs.
    address: str = ""

    @property
    def is_up(self) -> bool:
        return self.state in ("running", "restarting", "paused")

    @property
    def has_begun(self) -> bool:
        return self.state != "created"


class Process(NamedTuple):
    """A process in a container that runs. `pid` is its number on the host."""

    is_up: bool
    pid: int
    exit_code: int | None

    @property
    def has_not_begun(self) -> bool:
        return not self.is_up and self.exit_code is None


class Carried(NamedTuple):
    """Why carrying somebody's input and output has come to its end: the stream has ended, there is something on the
    line, or this process was told to stop by a signal."""

    why: Literal["ended", "line", "told"]
    signal: int = 0
    #: Told by the loss of the terminal, or of whoever reads: there is nobody left to carry for.
    is_gone: bool = False


def run_id(now: float, environment: EnvironmentName, app: str, known: Iterable[str]) -> str:
    """A name for a run that begins now; it sorts after all that are known."""
    moment = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    return f"{next_timestamp(moment, known)}-{environment}-{app}"


def id_by_hand(now: float, environment: EnvironmentName, app: str, token: str) -> str:
    """The same for one by hand: nobody waits for the names of others, so `token` makes it one of its own."""
    moment, _dash, whose = run_id(now, environment, app, {}).partition("-")
    return f"{moment}{token}-{whose}"


def record_of(data: Any) -> Run | None:
    """A record as a file has it; None if it is none."""
    try:
        return Run.from_json(cast(dict[str, Any], data)) if isinstance(data, dict) else None
    except ValueError:
        return None


def is_mine(run: Run, stack: Stack, environment: EnvironmentName, app: str = "") -> bool:
    return run.stack == stack.name and run.environment == environment and app in ("", run.app)


def is_job_s(run: Run, stack: Stack, environment: EnvironmentName, job: str) -> bool:
    """Whether it is a run of the job itself, not a command that somebody ran in a container like its own."""
    return run.why not in (*BY_HAND, *OF_MIGRATIONS, *OF_REHEARSALS) and is_mine(run, stack, environment, job)


def sentence(run: Run) -> str:
    """What became of a run, in the engine's own words."""
    what = {"timed_out": "took too long", "running": "goes on"}.get(run.outcome, run.outcome)
    took = f" after {run.seconds:g} s" if run.seconds is not None else ""
    code = f", exit code {run.exit_code}" if run.exit_code else ""
    missed = f"; {run.missed} times of its schedule passed without a run" if run.missed else ""
    return f"{run.app} of {run.stack} {run.environment} {what}{took}{code}{missed}" + (
        f"; it {run.late}" if run.late else ""
    )
