# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After a switch: what the outside was promised must hold, or the release goes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import OperationError
from ..hints import hint
from ..ports import Host
from ..process.journal import Journal
from ..releases.plan import Plan
from ..stack.model import Stack
from ..util.lazy import lazy_part

if TYPE_CHECKING:
    from ..stack.endpoints.model import Moment
    from . import endpoints
else:
    endpoints = lazy_part(".endpoints", __package__)

#: A first request may find an empty cache. What does not hold by then does not hold.
ENDPOINT_SECONDS = 3.0
RETRY_SECONDS = 0.3


def moment_of(plan: Plan) -> Moment:
    return "deploy" if plan.environment == "staging" else "switch"


def is_wanted(stack: Stack, plan: Plan) -> bool:
    """Whether the release has endpoints that are asked now; without any there is no such step."""
    return any(endpoint.is_for(plan.environment, moment_of(plan)) for endpoint in stack.endpoints)


def hold(host: Host, stack: Stack, today: Stack, plan: Plan, journal: Journal) -> list[str]:
    """Ask until all hold. Raises OperationError if some do not.

    A rollback is what is left when other things are wrong: it stays, and what does not hold is returned.
    """
    mine = endpoints.Endpoints(host, stack, today, plan.environment, plan.goal)
    deadline = host.clock.monotonic() + ENDPOINT_SECONDS
    verdicts = mine.ask(moment_of(plan))
    number = len(verdicts)
    while failed := [verdict for verdict in verdicts if not verdict.holds]:
        if host.clock.monotonic() > deadline:
            break
        host.clock.wait(RETRY_SECONDS)
        verdicts = mine.ask(moment_of(plan), sorted({verdict.endpoint for verdict in failed}))
    if not failed:
        journal.note(f"{number} endpoint checks hold")
        return []
    told = endpoints.lines(failed)
    what = f"{len(failed)} of {number} endpoint checks do not hold"
    if plan.operation == "rollback":
        notes = [f"{what}; a rollback stays all the same", *told]
        for note in notes:
            journal.note(note)
        return notes
    first = failed[0].misses[0]
    more = f"; and {len(told) - 1} more, see below" if len(told) > 1 else ""
    raise OperationError(
        what,
        first.where,
        f"{failed[0].title}: {failed[0].request}: {first}{more}",
        f"correct the app, or the endpoint where it is written; to see them all again: {hint('verify')}",
        log=told,
    )
