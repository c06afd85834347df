# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the source of a release declares of a step that took something away: since when nobody used it."""

from __future__ import annotations

from ..errors import ReleaseError
from ..planning import declarations
from ..ports import Host
from ..process.journal import Journal
from ..releases.plan import Plan
from ..releases.rehearsal import AppRehearsal
from ..releases.schema import SchemaStep
from ..stack.model import Stack
from . import migration_gate


def unused_since(host: Host, stack: Stack, plan: Plan, step: SchemaStep, journal: Journal) -> str:
    """The newest of the releases that its declarations name; empty if these say nothing, or nothing that is true."""
    release = plan.release
    if plan.environment != "production" or plan.was is None or step.verdict != "contract":
        return ""
    rehearsed = [
        it
        for one in host.store.rehearsals(stack.name)
        for it in one.apps
        if (it.app, it.revision, it.reached) == (step.app, step.before, step.after)
    ]
    it = rehearsed[-1] if rehearsed else AppRehearsal(step.app, "", "", step.before, step.after)
    try:
        declared = migration_gate.declared_by(host, stack, release, step.app)
    except (ReleaseError, OSError) as error:
        journal.note(f"{step.app}: what its source declares of {step.after} is not known: {error}")
        return ""
    mine = declarations.used_by(it, declared)
    entries = host.store.releases(stack.name)
    if wrong := declarations.release_problems(mine, entries, plan.environment, plan.was.release):
        journal.note(f"{step.app}: what its source declares of {step.after} does not count: {wrong[0]}")
        return ""
    return max((line.what for line in mine), default="")
