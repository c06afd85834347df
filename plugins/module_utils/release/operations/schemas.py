# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the schemas of a stack's databases, for whoever looks before a change. No database is asked here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..errors import Problem
from ..hints import option
from ..ports import Host
from ..releases.host_state import HostState
from ..releases.plan import Down, Plan
from ..releases.release import Entry
from ..releases.report import GateRow
from ..releases.request import Request
from ..releases.schema import Schemas
from ..releases.slot import day_of, stack_of
from ..stack.migrate import Migrate, in_order
from ..stack.model import EnvironmentName, Stack
from ..util.lazy import lazy_part

if TYPE_CHECKING:
    from ..planning import schema_steps, schema_ways
    from ..planning.schema_steps import Way
else:
    schema_steps = lazy_part("..planning.schema_steps", __package__)
    schema_ways = lazy_part("..planning.schema_ways", __package__)


def known(host: Host, stack: Stack, environment: EnvironmentName) -> Schemas:
    return host.store.schemas(stack.name)[environment]


def ways(host: Host, stack: Stack, target: Entry, apps: Iterable[str] = ()) -> list[Way]:
    """What lies between the databases and the release that a rollback goes to, with all of its apps unless some are
    named. Nothing is looked at for a release and a stack without migrations."""
    day = day_of(target.release, stack)
    if not stack.migrations and not any(name in target.release.services for name in day.migrations):
        return []
    now = known(host, stack, target.release.environment)
    services = target.release.services
    names = schema_steps.concerned(stack, day, now, apps or services, services)
    found = schema_steps.ways(target.release.id, target.schema, now, names)
    # Of an app that the release does not have yet, only what takes something away from others counts.
    return [way for way in found if way.app in services or way.kind == "past"]


def refusals(
    host: Host, stack: Stack, state: HostState, found: Sequence[Way], request: Request, target: Entry, *, check: bool
) -> list[Problem]:
    """Why a rollback does not go because of databases. Nothing is loaded where there are none."""
    if not found:
        if not request.database:
            return []
        fix = f"leave out {option('database', request.database)}"
        return [Problem("has no schema to go back from", f"release {target.release.id}", fix)]
    known_now, where = known(host, stack, request.environment), f"release {target.release.id}"
    downs: dict[str, Migrate] = {}
    problems = []
    for way in found:
        entry = schema_ways.knowing(state, request.environment, way.app, known_now[way.app])
        day = day_of(entry.release, stack) if entry else stack
        if down := schema_ways.down_of(way.app, day, stack):
            downs[way.app] = down
        if entry is None and request.database == "downgrade" and way in schema_ways.to_bring_down(found):
            what = f"{way.app}: no image that knows how {known_now[way.app].shown} goes back is on the host any more"
            problems.append(Problem(what, where, "choose another way"))
    elsewhere = {
        app.name for app in stack.apps.values() if app.database and stack.databases[app.database].engine == "external"
    }
    ways = schema_ways.refusals(found, target.release.id, request, downs, elsewhere=elsewhere, check=check)
    return problems + ways


def refused(host: Host, stack: Stack, state: HostState, found: Sequence[Way], target: Entry) -> list[Problem]:
    """What a rollback would be refused for that nobody has asked for yet."""
    request = Request("rollback", target.release.environment)
    return refusals(host, stack, state, found, request, target, check=True)


def downs(host: Host, stack: Stack, state: HostState, found: Sequence[Way], request: Request) -> dict[str, Down]:
    """Which databases go back, and how: first those that went up last."""
    if request.database != "downgrade":
        return {}
    known_now = known(host, stack, request.environment)
    going = {way.app: way for way in schema_ways.to_bring_down(found)}
    order = [app for app in in_order(stack.migrations) if app in going]
    made = {}
    for app in [*(app for app in going if app not in order), *reversed(order)]:
        entry = schema_ways.knowing(state, request.environment, app, known_now[app])
        if entry is not None:
            made[app] = Down(going[app].wanted or "", entry.release.id)
    return made


def is_behind(host: Host, stack: Stack, live: Entry | None) -> bool:
    """Whether a database has gone back from what the live release needs."""
    if live is None or not stack.migrations:
        return False
    now = known(host, stack, live.release.environment)
    return any(now[app].is_behind(wanted) for app, wanted in live.schema.items() if app in now)


def gates(found: Sequence[Way]) -> list[GateRow]:
    """One row for all databases of a rollback; a rollback never migrates, so the rest is for whoever decides."""
    if not found:
        return []
    kinds = {way.kind for way in found}
    result = "NO-GO" if "past" in kinds else "warning" if "unknown" in kinds else "go"
    return [GateRow(gate="schema", result=result, evidence="; ".join(way.sentence for way in found))]


def previewed(host: Host, stack: Stack, plan: Plan) -> list[str]:
    """What an operation would do with databases, one sentence each."""
    if plan.downs:
        return [
            f"{app}: would take its database back to {down.to}, in the image of {down.by}; from then on until the "
            f"switch {plan.was.release if plan.was else 'nothing'} runs on a schema that is not its own"
            for app, down in plan.downs.items()
        ]
    if plan.operation == "rollback":
        return []
    mine = {name: it for name, it in stack_of(plan.release, stack).migrations.items() if name in plan.release.in_slot}
    now = known(host, stack, plan.environment) if mine else {}
    return [
        f"{app}: would ask its database, and migrate what is not applied, for at most {migrate.timeout_seconds} s; "
        f"applied when it was asked last: {now[app].sentence if app in now else 'never'}"
        for app, migrate in mine.items()
    ]
