# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases that go back before the release does that needs them so: by `down` of the app, in the image that knows it.

Whatever is killed, nothing is begun again: recovery asks what is applied, and brings the older release live if that is
what it needs.
"""

from __future__ import annotations

import dataclasses
import os

from ..errors import OperationError, RefusedError
from ..planning import migration_errors, schema_ways
from ..ports import Host
from ..process import lock
from ..process.journal import Journal
from ..releases.history import find
from ..releases.plan import Down, Plan
from ..releases.release import Entry
from ..releases.schema import SchemaState, shown
from ..releases.slot import day_of
from ..stack.migrate import REVISION, Migrate
from ..stack.model import Stack
from . import job_runs, migration_attempts
from .migration_attempts import Attempts
from .migration_runs import MigrationRuns
from .migrations import LOCK_SECONDS
from .restore_points import RestorePoints
from .schema_records import Before, SchemaRecords

#: Of a `down` that undoes one migration at a time.
MOST_RUNS = 100


class Downgrades:
    """Those of a plan."""

    def __init__(self, host: Host, stack: Stack, plan: Plan, journal: Journal, notes: list[str]) -> None:
        self.host, self.stack, self.plan, self.journal, self.notes = host, stack, plan, journal, notes

    def carry_out(self) -> None:
        """One after the other; those that went up last go down first. Raises OperationError at the first that fails,
        unless all has arrived in spite of it: then the older release is the one to bring live."""
        try:
            self._each()
        except (OperationError, OSError) as error:
            self.journal.note(f"failed: {error}")
            if not self.settle():
                raise

    def _each(self) -> None:
        for app, down in self.plan.downs.items():
            with self.journal.step("downgrade", f"take the database of {app} back to {down.to}"):
                who = lock.this_process("downgrade", "", "", self.host.clock.now())
                try:
                    with job_runs.alone(self.host, self.stack, self.plan.environment, app, who, LOCK_SECONDS):
                        self._one(app, down)
                except RefusedError as busy:
                    where, what = self._where, f"{app}: its database is seen to elsewhere"
                    raise OperationError(what, where, busy.problems[0].what) from busy

    def settle(self) -> bool:
        """Nothing of it goes on, and what is applied is known. Returns whether all is as the release needs it."""
        for app, down in self.plan.downs.items():
            runs, migrate, records = self._parts(app, down)
            runs.stop()
            mine = records.known().get(app)
            if mine is None or mine.release != self.plan.release.id:
                continue
            if mine.state == "begun" or mine.revision is None:
                mine = records.find_out(runs, app, migrate, mine, "interrupted", Before(None, True))
                records.note(f"{app}: taking its schema back was interrupted; applied is {mine.shown}")
                if mine.revision == down.to:
                    records.write(app, dataclasses.replace(mine, state="applied"))
        known = self.host.store.schemas(self.stack.name)[self.plan.environment]
        return all(
            app in known and known[app].is_settled and known[app].revision == down.to
            for app, down in self.plan.downs.items()
        )

    def left(self) -> list[str]:
        """What is to be said where the release that goes on needs more than is applied now."""
        was = self.plan.was
        live = find(self.host.store.releases(self.stack.name), was.release) if was else None
        known = self.host.store.schemas(self.stack.name)[self.plan.environment]
        return [
            schema_ways.left_behind(live.release.id, app, known[app], live.schema.get(app))
            for app in (self.plan.downs if live and not self.plan.stays else ())
            if live and app in known and known[app].is_behind(live.schema.get(app))
        ]

    def _one(self, app: str, down: Down) -> None:
        runs, migrate, records = self._parts(app, down)
        runs.provide_network()
        revision = runs.revision(app, migrate)
        if revision == down.to:
            self.journal.note(f"{app}: {shown(revision)} is applied already")
            records.is_as_wanted(app, revision)
            return
        point = self._secured(app, runs.day.apps[app].database, records)
        shape = records.watch.look(app)
        begun = records.begin(app, revision, shape)
        done = self._down(runs, app, migrate, down, records)
        state: SchemaState = "applied" if done.last.outcome == "succeeded" else "failed"
        after = records.find_out(runs, app, migrate, begun, state, Before(point, True))
        if after.revision != down.to or state == "failed":
            records.write(app, dataclasses.replace(after, state="failed"))
            raise migration_errors.not_taken_back(done.last, runs.where, down.to, begun, after)
        records.note(f"{app}: taken back from {shown(revision)} to {after.shown} in {done.seconds:.1f} s")

    def _down(self, runs: MigrationRuns, app: str, migrate: Migrate, down: Down, records: SchemaRecords) -> Attempts:
        """Once, or as often as it takes where one run undoes one migration."""
        how = dataclasses.replace(migrate, command=schema_ways.words_of(migrate.down, down.to))
        done = migration_attempts.migrate(runs, app, how, records.note)
        if any(REVISION in word for word in migrate.down):
            return done
        for number in range(1, MOST_RUNS):
            if done.last.outcome != "succeeded" or runs.revision(app, migrate) == down.to:
                break
            last = migration_attempts.migrate(runs, app, how, records.note, number * (migrate.retries + 1))
            done = Attempts(last.last, done.seconds + last.seconds, last.waits)
        return done

    def _secured(self, app: str, database: str, records: SchemaRecords) -> str | None:
        """Have a moment to which the database can be brought back, if it is backed up. Raises OperationError if that
        does not succeed: then nothing is begun."""
        points = RestorePoints(self.host, self.stack, self.plan.environment)
        if database not in points.databases:
            records.note(f"{app}: its database has no backup, so what goes with its schema cannot be brought back")
            return None
        point = points.before(database, self._name(app))
        records.note(f"{app}: restore point {point.name} is in the archive")
        return point.name

    def _name(self, app: str) -> str:
        """Of its restore point. An operation has one, and may be one of several to the same release."""
        moment = os.path.basename(self.journal.path or "").partition("-")[0]
        return f"{moment}-{self.plan.environment}-{app}-down"

    def _parts(self, app: str, down: Down) -> tuple[MigrationRuns, Migrate, SchemaRecords]:
        """By the release that knows the way: its image and its definition, with the values of today."""
        entry = find(self.host.store.releases(self.stack.name), down.by)
        if entry is None:
            raise OperationError(f"release {down.by} is gone", self._where, f"{app} cannot be taken back without it")
        day = day_of(entry.release, self.stack)
        migrate = schema_ways.down_of(app, day, self.stack)
        if migrate is None:
            raise OperationError(f"{app} has no `migrate`", self._where, "it was removed meanwhile")
        plan = dataclasses.replace(self.plan, release=entry.release)
        runs = MigrationRuns(self.host, self.stack, day, plan, self.journal, self._values(entry))
        return runs, migrate, SchemaRecords(self.host, self.stack, day, self.plan, self.journal, self.notes)

    def _values(self, entry: Entry) -> dict[str, bytes]:
        """Today's: the owner of a database has one password, which is valid at once."""
        today = self.host.store.config_env(self.stack, self.plan.environment)
        then = self.host.store.release_env(self.stack, entry.release.id)
        return {**then, **{layer: data for layer, data in today.items() if data is not None and layer in then}}

    @property
    def _where(self) -> str:
        return f"{self.plan.stack} {self.plan.environment}"
