# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the schemas of a stack's databases, for whoever looks before a change. No database is asked here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ports import Host
from ..releases.plan import Plan
from ..releases.release import Entry
from ..releases.report import GateRow
from ..releases.schema import Schemas
from ..releases.slot import day_of, stack_of
from ..stack.model import EnvironmentName, Stack
from ..util.lazy import lazy_part

if TYPE_CHECKING:
    from ..planning import migrations
else:
    migrations = lazy_part("..planning.migrations", __package__)


def known(host: Host, stack: Stack, environment: EnvironmentName) -> Schemas:
    return host.store.schemas(stack.name)[environment]


def gates(host: Host, stack: Stack, target: Entry) -> list[GateRow]:
    """Before a rollback: whether the databases still have the schema that its release went live with. A rollback never
    migrates, so the rest is for whoever decides. Nothing is looked at for a release and a stack without migrations."""
    apps = [name for name in day_of(target.release, stack).migrations if name in target.release.services]
    if not apps and not stack.migrations:
        return []
    now = known(host, stack, target.release.environment)
    wanted = sorted({*apps, *(name for name in now if name in target.release.services)})
    if not wanted:
        return []
    same, evidence = migrations.comparison(target.release.id, target.schema, now, wanted)
    return [GateRow(gate="schema", result="go" if same else "warning", evidence=evidence)]


def previewed(host: Host, stack: Stack, plan: Plan) -> list[str]:
    """What an operation would do with databases, one sentence each."""
    if plan.operation == "rollback":
        return []
    mine = {name: it for name, it in stack_of(plan.release, stack).migrations.items() if name in plan.release.in_slot}
    now = known(host, stack, plan.environment) if mine else {}
    return [
        f"{app}: would ask its database, and migrate what is not applied, for at most {migrate.timeout_seconds} s; "
        f"applied when it was asked last: {now[app].sentence if app in now else 'never'}"
        for app, migrate in mine.items()
    ]
