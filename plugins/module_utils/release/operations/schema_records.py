# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation writes down of the schemas that it changes: that it begins, what is applied in the end, and what
that step means to older releases."""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, NamedTuple

from ..errors import OperationError
from ..ports import Host
from ..process.journal import Journal
from ..releases.plan import Plan
from ..releases.release import timestamp
from ..releases.schema import AppSchema, Schemas, SchemaState, SchemaStep
from ..stack.migrate import Migrate
from ..stack.model import Stack
from ..util.lazy import lazy_part
from .migration_runs import MigrationRuns
from .schema_watch import SchemaWatch

if TYPE_CHECKING:
    from ..releases.catalog import Catalog
    from . import schema_declared
else:
    schema_declared = lazy_part(".schema_declared", __package__)


class Before(NamedTuple):
    """What is known from before a step: the restore point, and whether it goes back."""

    point: str | None = None
    is_down: bool = False


class SchemaRecords:
    """Of one operation. `notes` learns what people should know in the end."""

    def __init__(self, host: Host, stack: Stack, day: Stack, plan: Plan, journal: Journal, notes: list[str]) -> None:
        self.host, self.stack, self.plan, self.journal, self.notes = host, stack, plan, journal, notes
        self.watch = SchemaWatch(host, day, plan.environment, journal)

    def known(self) -> Schemas:
        return self.host.store.schemas(self.stack.name)[self.plan.environment]

    def begin(self, app: str, revision: str, shape: Catalog | None) -> AppSchema:
        """From now on nobody knows what is applied until somebody asks. `shape` is its catalog of before."""
        steps = self._steps(app, revision)
        begun = AppSchema(revision, "begun", self.plan.release.id, revision, steps=steps, shape=shape)
        self.write(app, begun)
        return begun

    def is_as_wanted(self, app: str, revision: str) -> None:
        """Nothing is to be done."""
        known = self.known().get(app)
        if known is None or (known.revision, known.state) != (revision, "applied"):
            steps = self._steps(app, revision)
            self.write(app, AppSchema(revision, "applied", self.plan.release.id, revision, steps=steps))

    def _steps(self, app: str, revision: str) -> tuple[SchemaStep, ...]:
        """Those that lead to what is found now. The last one may be one that nobody could compare then."""
        known = self.known().get(app)
        if known is None:
            return ()
        steps = known.led_to(app, revision)
        if known.shape is None:
            return steps
        found = dataclasses.replace(known, revision=revision)
        step = self.watch.step(app, known.shape, known.was or "", found)
        if step is None or step.verdict == "unknown":
            return steps
        if steps and (steps[-1].release, steps[-1].verdict) == (known.release, "unknown"):
            last = steps[-1]
            step = dataclasses.replace(step, restore_point=last.restore_point, is_down=last.is_down, at=last.at)
            steps = steps[:-1]
        return (*steps, self._declared(step))

    def find_out(
        self,
        runs: MigrationRuns,
        app: str,
        migrate: Migrate,
        begun: AppSchema,
        state: SchemaState,
        before: Before,
    ) -> AppSchema:
        """Ask what is applied, and write that down together with what has become of its catalog. Where nobody can be
        asked it is not known."""
        revision: str | None
        try:
            runs.provide_network()
            revision = runs.revision(app, migrate)
        except OperationError as error:
            self.journal.note(f"{app}: what is applied is not known: {error.cause}")
            revision = None
        found = dataclasses.replace(begun, revision=revision, state=state, at=self._now(), shape=None)
        if step := self.watch.step(app, begun.shape, begun.was or "", found):
            step = dataclasses.replace(step, restore_point=before.point, is_down=before.is_down)
            found = found.stepped(self._declared(step))
        if revision is None if step is None else step.verdict == "unknown":
            # Whoever can ask later compares with it.
            found = dataclasses.replace(found, shape=begun.shape)
        self.write(app, found)
        return found

    def _declared(self, step: SchemaStep) -> SchemaStep:
        if step.verdict != "contract" or step.is_down:
            return step
        unused = schema_declared.unused_since(self.host, self.stack, self.plan, step, self.journal)
        return dataclasses.replace(step, unused_since=unused)

    def write(self, app: str, schema: AppSchema) -> None:
        written = dataclasses.replace(schema, at=self._now())
        self.host.store.set_schema(self.stack.name, self.plan.environment, app, written)

    def note(self, text: str) -> None:
        self.journal.note(text)
        self.notes.append(text)

    def _now(self) -> str:
        return timestamp(datetime.datetime.fromtimestamp(self.host.clock.now(), datetime.timezone.utc))
