# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recovering what a killed operation left behind: completed if traffic was switched, reverted if not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..env.secret_forms import Redactor
from ..errors import OperationError
from ..ports import Host
from ..process import lock
from ..process.journal import Journal, Record
from ..releases.plan import Plan
from ..stack.model import Stack
from ..util.lazy import lazy_part
from . import maintenance, redaction, services, witnesses
from .rollout import Rollout
from .scaling import Scaling

if TYPE_CHECKING:
    from ..planning.scale import ScalePlan
    from . import downgrade_recovery, rehearsal, restoring
else:
    downgrade_recovery = lazy_part(".downgrade_recovery", __package__)
    rehearsal = lazy_part(".rehearsal", __package__)
    restoring = lazy_part(".restoring", __package__)

#: Steps that change what runs or answers.
ROLLOUT = frozenset(
    {
        "record",
        "migrate",
        "downgrade",
        "start",
        "tags",
        "routes",
        "pause",
        "switch",
        "resume",
        "statuses",
        "stop",
        "back",
    }
)


def recover(host: Host, stack: Stack, record: Record) -> str:
    """Complete or revert one unfinished operation. Returns messages for people.

    Raises OperationError if that is not possible now (Docker is down, say); the journal then stays unfinished.
    """
    name = os.path.basename(record.path).removesuffix(".jsonl")
    redact = redaction.redactor(host, stack)
    try:
        return redact(_recover(host, stack, record, name, redact))
    except OperationError as error:
        raise redaction.redact_error(error, redact) from error


def _recover(host: Host, stack: Stack, record: Record, name: str, redact: Redactor) -> str:
    last = next(reversed(record.steps), "its start")
    found = f"{name} was interrupted at {last}"
    journal = Journal(record.path, host.clock, redact=redact)
    try:
        if "build" in record.steps:
            host.git.sweep(stack)
        if "rehearse" in record.steps:
            rehearsal.sweep(host, stack, lock.this_process("recover", "", "", host.clock.now()))
        if record.changes:
            environment = record.header["environment"]
            services.undo(host, stack, environment, record.changes, journal)
            if record.plan is None and record.header.get("operation") == "services":
                journal.add("end", outcome="undone", message=found)
                return f"{found}; {', '.join(record.changes)} was put back"
        if (of_its_own := _without_release(host, stack, record, journal, found)) is not None:
            return of_its_own
        if record.plan is None:
            # Without its plan nothing can be finished or undone; then the witnesses of what is live decide.
            harmless = not record.damage and not ROLLOUT.intersection(record.steps)
            done = "nothing had been changed" if harmless else f"its journal cannot be read: {record.damage}"
            journal.add("end", outcome="undone", message=done)
            return f"{found}; {done}"
        return _released(host, stack, record, record.plan, journal, found)
    finally:
        journal.close()


def _released(host: Host, stack: Stack, record: Record, plan: Plan, journal: Journal, found: str) -> str:
    rollout = Rollout(host, stack, plan, journal)
    journal.add("recover", found=found)
    is_going_back = "back" in record.steps
    if rollout.downgrades and not is_going_back and (told := downgrade_recovery.told(host, stack, rollout, found)):
        return told
    # An operation that had begun to revert goes on reverting, even if traffic has not been switched back yet.
    if is_going_back or witnesses.live(host, stack.name, plan.environment) != plan.goal:
        rollout.revert()
        journal.add("end", outcome="undone", message=found)
        return "; ".join([found, *rollout.jobs.notes, "it was undone"])
    return _forward(host, stack, record, rollout, journal, found)


def _without_release(host: Host, stack: Stack, record: Record, journal: Journal, found: str) -> str | None:
    """Operations that bring no release live have recoveries of their own. None for the others."""
    if record.header.get("operation") == "maintenance":
        return maintenance.recover(host, stack, record, journal, found)
    if record.scale:
        return _scaled(host, stack, record, record.scale, journal, found)
    if record.restore:
        is_open = "open" in record.steps
        return restoring.recovered(host, stack, record.restore, journal, is_open=is_open, found=found)
    return None


def _scaled(host: Host, stack: Stack, record: Record, plan: ScalePlan, journal: Journal, found: str) -> str:
    """A number of replicas that was told to the router is finished, and any other put back."""
    scaling = Scaling(host, stack, plan, journal)
    if witnesses.live(host, stack.name, plan.environment) != plan.live:
        journal.add("end", outcome="undone", message=found)
        return f"{found}; {plan.release} is no longer live there"
    if record.steps.get("scale") and "back" not in record.steps:
        try:
            scaling.carry_out()
        except OperationError as error:
            journal.note(f"failed: {error}")
        else:
            journal.add("end", outcome="succeeded", message=f"{found}; {plan.sentence}", release=plan.release)
            return f"{found}; it was finished, {plan.sentence}"
    scaling.put_back()
    journal.add("end", outcome="undone", message=found)
    return f"{found}; it was undone, {plan.app} has {plan.was}"


def _forward(host: Host, stack: Stack, record: Record, rollout: Rollout, journal: Journal, found: str) -> str:
    plan = rollout.plan
    # HAProxy's memory may be older than its file: the kill can have come between the two.
    host.router.set_live(plan.stack, plan.environment, plan.goal)
    try:
        rollout.switch_timers()
        if not record.steps.get(rollout.last_check):
            rollout.move_tags(plan.tags)
            rollout.set_routes(plan.release.id)
            rollout.run_again()
            rollout.confirm()
            rollout.hold()
        if not record.steps.get("after_switch"):
            rollout.after_switch()
    except OperationError as error:
        rollout.revert()
        journal.add("end", outcome="undone", message=f"{found}; {error}")
        why = f"{error.what}: {error.cause}" if record.steps.get("confirm") else error.cause
        what = "the new release did not answer" if not record.steps.get("confirm") else "the release could not be kept"
        return f"{found}; {what} ({why}), so it was undone"
    rollout.finish()
    journal.add("end", outcome="succeeded", message=found, release=plan.release.id)
    return "; ".join([found, *rollout.jobs.notes, f"it was finished, {plan.environment} runs {plan.release.id}"])
