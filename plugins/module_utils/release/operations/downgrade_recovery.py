# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback that was killed while databases went back, or after that: it goes on where they have arrived."""

from __future__ import annotations

from ..errors import ReleaseError
from ..planning import rollback
from ..ports import Host
from ..releases.history import find
from ..stack.model import Stack
from . import witnesses
from .observe import observe
from .rollout import Rollout


def told(host: Host, stack: Stack, rollout: Rollout, found: str) -> str:
    """What was done; empty if it is to be finished or put back like any other rollout."""
    plan, journal = rollout.plan, rollout.journal
    if not plan.stays and witnesses.live(host, plan.stack, plan.environment) == plan.goal:
        return ""
    has_arrived = rollout.downgrades is not None and rollout.downgrades.settle()
    if has_arrived:
        # Whoever is live now would be left on a schema that is not its own.
        return _resumed(host, stack, rollout, found)
    if not plan.stays:
        return ""
    journal.add("end", outcome="undone", message=found)
    return "; ".join([found, *rollout.jobs.notes, "nothing else was changed"])


def _resumed(host: Host, stack: Stack, rollout: Rollout, found: str) -> str:
    """The whole way from the beginning: each of its steps can be repeated."""
    plan, journal = rollout.plan, rollout.journal
    state = observe(host, stack)
    entry = find(state.entries, plan.release.id)
    then = host.store.release_env(stack, plan.release.id)
    try:
        rollout.run(rollback.rollback_env(stack, state, entry, then, "today") if entry else then)
    except ReleaseError as error:
        if rollout.confirmed:
            raise
        rollout.revert()
        journal.add("end", outcome="undone", message=f"{found}; {error}")
        return "; ".join([found, *rollout.jobs.notes, f"it could not be finished ({error}), so it was undone"])
    journal.add("end", outcome="succeeded", message=found, release=plan.release.id)
    return "; ".join([found, *rollout.jobs.notes, f"it was finished, {plan.environment} runs {plan.release.id}"])
