# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearsing ahead what a promote would migrate, so that the promote itself need not: in CI, or before a window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..errors import NothingToDoError
from ..planning import promote, rehearsal_verdict
from ..ports import Host
from ..releases.lock_holder import LockHolder
from ..releases.rehearsal import Rehearsal
from ..releases.request import OPERATIONS, Request
from ..releases.slot import stack_of
from ..stack.model import Stack
from . import migration_gate, rehearsal
from .observe import observe


@dataclass
class RehearsalReport:
    """What a rehearsal of one stack says. `ok` is what the gate of a promote would say of it."""

    stack: str
    ok: bool = True
    lines: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    found: Rehearsal | None = None
    changed: bool = False

    def to_json(self) -> dict[str, Any]:
        found = self.found.to_json() if self.found else {}
        return {"stack": self.stack, "ok": self.ok, "lines": self.lines, "steps": self.steps, "rehearsal": found}


def request(host: Host, stack: Stack, who: LockHolder, *, again: bool = False, check: bool = False) -> RehearsalReport:
    """Rehearse what a promote would migrate now, unless that is on record; `again` also then. Raises RefusedError, also
    where a promote would be refused before its gates."""
    report = RehearsalReport(stack.name)
    state = observe(host, stack)
    asked = Request("promote", OPERATIONS["promote"], person=who.person, host=who.host)
    try:
        plan = promote.plan_promote(stack, state, asked)
    except NothingToDoError as nothing:
        report.lines = [f"nothing to rehearse: {nothing}"]
        return report
    apps = migration_gate.to_migrate(host, stack, state, plan) if state.live_entry("production") else []
    can, cannot = rehearsal_verdict.split(stack_of(plan.release, stack), apps)
    if not can:
        report.lines = [*cannot] or ["nothing to rehearse: a promote would migrate nothing in production"]
        return report
    known = None if again else migration_gate.known(host, stack, state, plan, can)
    if known is None and check:
        report.lines = [f"would rehearse the migrations of {', '.join(can)} on a copy of production", *cannot]
        return report
    if known is None:
        wanted = rehearsal.Wanted(plan, state.env_of("production"), can)
        known = rehearsal.rehearse(host, stack, wanted, who, report.steps.append)
        report.changed = True
    judged = migration_gate.judge(host, stack, state, plan, known)
    report.ok, report.found = not judged.wrong, known
    report.lines = [*judged.evidence, *cannot, *([f"Fix: {judged.fix}"] if judged.fix else [])]
    return report
