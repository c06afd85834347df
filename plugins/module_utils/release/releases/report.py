# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of one operation. It travels as JSON from the host to the terminal, so its parts are typed dicts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypedDict, cast

from ..errors import Problem
from ..stack.model import EnvironmentName, Slot


class ProblemRow(TypedDict):
    """One problem: what, where, and the command or edit that fixes it (empty if there is none)."""

    what: str
    where: str
    fix: str


class GateRow(TypedDict):
    """One gate of a promote: `result` is go, NO-GO or skipped."""

    gate: str
    result: str
    evidence: str


class ProbesRow(TypedDict, total=False):
    """What the probes counted at the public ports meanwhile; empty if nothing was probed."""

    asked: int
    failed: int
    down_seconds: float


class LiveRow(TypedDict):
    """What is live in an environment after the operation; texts are empty if nothing is."""

    release: str
    slot: Slot | Literal[""]
    commit: str
    version: str
    since: str


class OutcomeRow(TypedDict, total=False):
    """The host after the operation; empty if it could not be inspected."""

    live: dict[str, LiveRow]
    due: list[str]
    free_gb: float
    floor_gb: float


class ReportData(TypedDict):
    """An `OperationReport` as JSON."""

    operation: str
    stack: str
    environment: EnvironmentName
    changed: bool
    failed: bool
    message: str
    release: str
    was: str
    slot: Slot | Literal[""]
    commit: str
    seconds: float
    steps: dict[str, float]
    built: dict[str, float]
    tags: list[str]
    gates: list[GateRow]
    problems: list[ProblemRow]
    recovered: list[str]
    log: list[str]
    fix: str
    rollback_to: str
    notes: list[str]
    preview: list[str]
    journal: str
    probes: ProbesRow
    after: OutcomeRow
    announced: bool


@dataclass
class OperationReport:
    """What happened, for people and programs. Times in seconds."""

    operation: str
    stack: str
    environment: EnvironmentName
    changed: bool = False
    failed: bool = False
    message: str = ""
    #: The release that is live now, and the one before.
    release: str = ""
    was: str = ""
    slot: Slot | Literal[""] = ""
    commit: str = ""
    seconds: float = 0.0
    #: By step, and by app.
    steps: dict[str, float] = field(default_factory=dict)
    built: dict[str, float] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    gates: list[GateRow] = field(default_factory=list)
    problems: list[ProblemRow] = field(default_factory=list)
    #: What was completed or reverted first, one sentence each.
    recovered: list[str] = field(default_factory=list)
    #: The last lines of what failed, oldest first.
    log: list[str] = field(default_factory=list)
    fix: str = ""
    rollback_to: str = ""
    #: What people should know, though nothing has failed.
    notes: list[str] = field(default_factory=list)
    #: In check mode: what would be done, one sentence each.
    preview: list[str] = field(default_factory=list)
    journal: str = ""
    probes: ProbesRow = field(default_factory=ProbesRow)
    after: OutcomeRow = field(default_factory=OutcomeRow)
    #: True once others were notified that the operation began.
    announced: bool = False

    def to_json(self) -> ReportData:
        # Not dataclasses.asdict, which copies everything inside: this is only serialised.
        return cast(ReportData, dict(vars(self)))


def problem_row(problem: Problem) -> ProblemRow:
    return {"what": problem.what, "where": problem.where, "fix": problem.fix}
