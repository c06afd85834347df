# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migrations of a release, as a step before its apps start: ask, migrate, ask again; and what is known afterwards.

A migration is carried out once, by the operation that begins it. Whatever is killed, recovery stops its container, asks
the database what is applied and writes that down; it never begins a migration.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..errors import OperationError, RefusedError
from ..planning import migration_errors, migrations
from ..ports import Host
from ..process import lock
from ..process.journal import Journal
from ..releases.history import find
from ..releases.plan import Plan
from ..releases.schema import SchemaState, Standing, shown
from ..stack.migrate import Migrate, in_order
from ..stack.model import Stack
from ..util.lazy import lazy_part
from . import job_runs, migration_attempts
from .migration_runs import MigrationRuns
from .schema_records import Before, SchemaRecords

if TYPE_CHECKING:
    from ..planning.backups import points
    from ..planning.backups.stanzas import BackedUp
    from . import restore_points
    from .restore_points import RestorePoints
else:
    points = lazy_part("..planning.backups.points", __package__)
    restore_points = lazy_part(".restore_points", __package__)

#: Who tidies up what was left of a run is done in a moment.
LOCK_SECONDS = 60.0


class Migrations:
    """The databases of the release that a plan brings live. `day` is the stack as that release defines it, `notes`
    learns what people should know in the end."""

    def __init__(self, host: Host, stack: Stack, day: Stack, plan: Plan, journal: Journal, notes: list[str]) -> None:
        self.host, self.stack, self.plan, self.journal = host, stack, plan, journal
        self.records = SchemaRecords(host, stack, day, plan, journal, notes)
        self.runs = MigrationRuns(host, stack, day, plan, journal)
        mine = {name: it for name, it in day.migrations.items() if name in plan.release.in_slot}
        self.apps = {name: mine[name] for name in in_order(mine)}

    @functools.cached_property
    def wanted(self) -> dict[str, Migrate]:
        """Those that are asked: none for a rollback, as the way back changes no data, nor where the schema is kept; and
        none whose app goes on with the image and values that it has."""
        if self.plan.operation == "rollback" or self.plan.keeps_schema:
            return {}
        was = self.plan.was
        live = find(self.host.store.releases(self.stack.name), was.release) if was else None
        kept = (
            migrations.unchanged(live.release, self.plan.release, self.records.known(), live.schema) if live else set()
        )
        return {app: migrate for app, migrate in self.apps.items() if app not in kept}

    def carry_out(self) -> bool:
        """Bring every database to what the release wants, one after the other. Returns whether any was changed. Raises
        OperationError at the first that fails; those before it stay as they are."""
        found: dict[str, str] = {}
        changed = False
        for app, migrate in self.wanted.items():
            standing = self._secured(app, migrate) if self._database(app) in self.points else None
            with self.journal.step("migrate", f"migrate the database of {app}"):
                before, found[app] = self._one(app, migrate, standing)
            changed = changed or before != found[app]
        kept = {app: it.revision for app, it in self.records.known().items() if it.is_settled and app in self.apps}
        schema = {**{app: text for app, text in kept.items() if text is not None}, **found}
        entry = find(self.host.store.releases(self.stack.name), self.plan.release.id)
        if entry is not None:
            self.host.store.set_status(self.stack, dataclasses.replace(entry, schema=schema))
        return changed

    def settle(self) -> None:
        """Before everything is put back: nothing of a migration goes on, and what is applied is known."""
        if not self.apps or self.plan.operation == "rollback":
            return
        self.runs.stop()
        known = self.records.known()
        for app, migrate in self.apps.items():
            mine = known.get(app)
            if mine is None or mine.release != self.plan.release.id:
                continue
            if mine.state == "begun":
                before = Before(self._point(app))
                mine = self.records.find_out(self.runs, app, migrate, mine, "interrupted", before)
                self.records.note(
                    f"{app}: its migration was interrupted; applied is {mine.shown}, it was {shown(mine.was)} before. "
                    "It is not begun again by a recovery; the next release goes on from there"
                )
            elif mine.revision is None:
                self.records.find_out(self.runs, app, migrate, mine, mine.state, Before(self._point(app)))
            elif mine.is_settled and mine.was != mine.revision:
                self.records.note(migrations.kept_sentence(app, mine, self.plan))

    def keeps(self) -> bool:
        """Whether a schema is not what it was before the operation."""
        if self.plan.operation == "rollback":
            return False
        mine = (
            it for app, it in self.records.known().items() if app in self.apps and it.release == self.plan.release.id
        )
        return any(it.revision is None or it.was != it.revision or not it.is_settled for it in mine)

    def _database(self, app: str) -> str:
        return self.runs.day.apps[app].database

    @functools.cached_property
    def points(self) -> Mapping[str, BackedUp]:
        """The databases that can be brought back to a moment. Nothing is looked at where none of them has backups."""
        names = {self._database(app) for app in self.apps}
        if not any(one.is_here and one.backup for name, one in self.stack.databases.items() if name in names):
            return {}
        return self._restore_points.databases

    @functools.cached_property
    def _restore_points(self) -> RestorePoints:
        return restore_points.RestorePoints(self.host, self.stack, self.plan.environment)

    def _secured(self, app: str, migrate: Migrate) -> Standing:
        """Ask the database; if anything is to be done, first have a moment to which it can be brought back. Raises
        OperationError if there is none: then nothing is migrated."""
        with self.journal.step("restore_point", f"see to a way back for the database of {app}"), self._alone(app):
            standing = self.runs.standing(app, migrate)
            if standing.is_pending:
                point = self._restore_points.before(self._database(app), f"{self.plan.release.id}-{app}")
                self.records.note(f"{app}: restore point {point.name} is in the archive")
        return standing

    def _point(self, app: str) -> str | None:
        """The name of the restore point that was made before its migration, also by an operation that was killed."""
        database = self._database(app)
        if database not in self.points:
            return None
        wanted = points.named(f"{self.plan.release.id}-{app}")
        kept = self.host.store.restore_points(self.stack.name).get(self.plan.environment, {}).get(database, ())
        return wanted if any(point.name == wanted for point in kept) else None

    def _one(self, app: str, migrate: Migrate, standing: Standing | None) -> tuple[str, str]:
        """The revisions before and after."""
        with self._alone(app):
            return self._asked(app, migrate, standing or self.runs.standing(app, migrate))

    @contextlib.contextmanager
    def _alone(self, app: str) -> Iterator[None]:
        who = lock.this_process("migrate", "", "", self.host.clock.now())
        try:
            with job_runs.alone(self.host, self.stack, self.plan.environment, app, who, LOCK_SECONDS):
                self.runs.provide_network()
                yield
        except RefusedError as busy:
            what = f"{app}: its database is seen to elsewhere"
            raise OperationError(what, self.runs.where, busy.problems[0].what) from busy

    def _asked(self, app: str, migrate: Migrate, standing: Standing) -> tuple[str, str]:
        revision, wanted = standing.revision, standing.wanted
        known = self.records.known().get(app)
        if known is not None and not known.is_settled:
            self.records.note(
                f"{app}: {known.sentence}; the database says {shown(revision)} now, and goes on from there"
            )
        if not standing.is_pending:
            self.journal.note(f"{app}: nothing to migrate, {shown(revision)} is applied")
            self.records.is_as_wanted(app, revision)
            return revision, revision
        self.journal.note(f"{app}: {shown(revision)} is applied" + (f", {wanted} is wanted" if wanted else ""))
        shape = self.records.watch.look(app)
        begun = self.records.begin(app, revision, shape)
        is_again = known is not None and not known.is_settled
        done = migration_attempts.migrate(self.runs, app, migrate, self.records.note, again=is_again)
        is_done = done.last.outcome == "succeeded"
        state: SchemaState = "applied" if is_done else "failed"
        after = self.records.find_out(self.runs, app, migrate, begun, state, Before(self._point(app)))
        if not is_done:
            raise migration_errors.failed(done.last, self.runs.where, migrate, begun, after, done.waits)
        if after.revision is None or (wanted is not None and after.revision != wanted):
            self.records.write(app, dataclasses.replace(after, state="failed"))
            raise migration_errors.not_there(app, self.runs.where, migrate, standing, after)
        self.records.note(f"{app}: migrated from {shown(revision)} to {after.shown} in {done.seconds:.1f} s")
        return revision, after.revision
