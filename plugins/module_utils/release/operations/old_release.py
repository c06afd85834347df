# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release that is live, asked again once a migration of the next one has changed the schema under it."""

from __future__ import annotations

from ..ports import Host
from ..process.journal import Journal
from ..releases.plan import Plan
from ..releases.reach import Side
from ..stack.model import Stack
from . import app_health, endpoints_step
from .endpoints import Endpoints, lines

#: An app may have lost its connections for a moment. What is not well by then is not.
WELL_SECONDS = 5.0
RETRY_SECONDS = 0.5
MOST_TOLD = 5


def troubles(host: Host, today: Stack, plan: Plan, old: Side) -> list[str]:
    """What is wrong with the release before, one sentence each; empty if apps are healthy and endpoints hold."""
    deadline = host.clock.monotonic() + WELL_SECONDS
    while found := _sick(host, plan, old) or _broken(host, today, plan, old):
        if host.clock.monotonic() >= deadline:
            return found
        host.clock.wait(RETRY_SECONDS)
    return []


def told(host: Host, today: Stack, plan: Plan, old: Side, journal: Journal) -> list[str]:
    """What to say of the release before. The operation goes on all the same: of both releases the new one is made for
    this schema, and going back would leave the one that is not well."""
    found = troubles(host, today, plan, old)
    was = plan.was.release if plan.was else ""
    if not found:
        journal.note(f"{was} is well on the new schema")
        return []
    notes = [
        f"{was} is not well on the new schema: {'; '.join(found[:MOST_TOLD])}"
        + (f"; and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""),
        f"the operation goes on, as {plan.release.id} is made for this schema. Do not roll back to {was}: if "
        f"{plan.release.id} is bad too, mend it forward, by a release that works with what is applied",
    ]
    for text in notes:
        journal.note(text)
    return notes


def afterwards(host: Host, today: Stack, plan: Plan, old: Side, journal: Journal) -> list[str]:
    """What to say of the release that goes on, on a schema that another one has left."""
    was = plan.was.release if plan.was else ""
    found = troubles(host, today, plan, old)
    if not found:
        journal.note(f"{was} is well on the schema that is applied")
        return []
    text = f"{was} goes on and is not well on the schema that is applied: {'; '.join(found[:MOST_TOLD])}"
    journal.note(text)
    return [text]


def _sick(host: Host, plan: Plan, old: Side) -> list[str]:
    was = plan.was
    if was is None:
        return []
    running = [c for c in host.docker.containers(plan.stack, plan.environment, was.slot) if c.release == was.release]
    found = []
    for name in old.apps:
        app, at = old.stack.apps[name], old.reach.get(name)
        seen = app_health.Seen(running, at.replicas if at else 1, at.port if at else 0)
        answer = app_health.worst(app, app_health.ask_all(host, old.stack, plan.environment, was.slot, app, seen))
        if not app.accepts(answer.status):
            found.append(f"{name}: {answer}")
    return found


def _broken(host: Host, today: Stack, plan: Plan, old: Side) -> list[str]:
    moment = endpoints_step.moment_of(plan)
    if plan.was is None or not any(endpoint.is_for(plan.environment, moment) for endpoint in old.stack.endpoints):
        return []
    verdicts = Endpoints(host, old.stack, today, plan.environment, plan.was).ask(moment)
    return lines([verdict for verdict in verdicts if not verdict.holds])
