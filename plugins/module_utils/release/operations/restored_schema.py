# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which revision a database has after a restore, asked of the app's own tool in the image that is live."""

from __future__ import annotations

import dataclasses
import datetime

from ..errors import OperationError
from ..hints import hint
from ..ports import Host
from ..process.journal import Journal
from ..releases.history import find
from ..releases.plan import Plan
from ..releases.release import timestamp
from ..releases.restores import RestorePlan
from ..releases.schema import AppSchema, SchemaStep
from ..stack.model import Stack
from . import witnesses
from .migration_runs import MigrationRuns

#: What else is known of a schema stays: which steps there were.
CHANGED = ("revision", "state", "release", "was", "at")


def ask(host: Host, stack: Stack, day: Stack, plan: RestorePlan, journal: Journal) -> list[str]:
    """Write down what is applied in the restored database. Returns what people should know."""
    entry = find(witnesses.entries(host, stack.name), plan.release)
    wanted = {name: it for name, it in day.migrations.items() if name in plan.apps}
    if entry is None or plan.slot is None or not wanted:
        return []
    live = Plan("restore", stack.name, plan.environment, entry.release, False, plan.slot, None, "running")
    runs = MigrationRuns(host, stack, day, live, journal)
    # What somebody who was killed has asked.
    runs.stop()
    notes = []
    for app, migrate in wanted.items():
        known = host.store.schemas(stack.name)[plan.environment].get(app, AppSchema(None))
        revision: str | None
        try:
            runs.provide_network()
            revision = runs.revision(app, migrate)
        except OperationError as error:
            journal.note(f"{app}: what is applied is not known: {error.cause}")
            runs.stop()
            revision = None
        at = timestamp(datetime.datetime.fromtimestamp(host.clock.now(), datetime.timezone.utc))
        applied = AppSchema(revision, "restored" if revision is None else "applied", plan.release, revision, at)
        found = dataclasses.replace(known, **{name: getattr(applied, name) for name in CHANGED})
        if revision is not None and known.revision not in (None, revision):
            found = found.stepped(SchemaStep(app, known.revision or "", revision, at=at, is_down=True))
        host.store.set_schema(stack.name, plan.environment, app, found)
        if revision != entry.schema.get(app, revision):
            notes.append(
                f"{app}: {found.shown} is applied now, and {plan.release} went live with {entry.schema[app]}; "
                f"see {hint('status')} before the next release"
            )
    return notes
