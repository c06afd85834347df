# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migrations of a release, as a step before its apps start: ask, migrate, ask again; and what is known afterwards.

A migration is carried out once, by the operation that begins it. Whatever is killed, recovery stops its container, asks
the database what is applied and writes that down; it never begins a migration.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import itertools

from ..errors import OperationError, RefusedError
from ..planning import migration_errors, migrations
from ..ports import Host
from ..process import lock
from ..process.journal import Journal
from ..releases.history import find
from ..releases.plan import Plan
from ..releases.release import timestamp
from ..releases.schema import AppSchema, Schemas, SchemaState, shown
from ..stack.migrate import Migrate, in_order
from ..stack.model import Stack
from . import job_runs
from .migration_runs import MigrationRuns

#: Who tidies up what was left of a run is done in a moment.
LOCK_SECONDS = 60.0


class Migrations:
    """The databases of the release that a plan brings live. `day` is the stack as that release defines it, `notes` what
    people should know in the end."""

    def __init__(self, host: Host, stack: Stack, day: Stack, plan: Plan, journal: Journal) -> None:
        self.host, self.stack, self.plan, self.journal = host, stack, plan, journal
        self.runs = MigrationRuns(host, stack, day, plan, journal)
        mine = {name: it for name, it in day.migrations.items() if name in plan.release.in_slot}
        self.apps = {name: mine[name] for name in in_order(mine)}
        self.notes: list[str] = []

    @functools.cached_property
    def wanted(self) -> dict[str, Migrate]:
        """Those that are asked: none for a rollback, as the way back changes no data; and none whose app goes on with
        the image and values that it has, for these bring nothing. After a rollback such an image may be older than its
        database, and most tools refuse to look at that."""
        if self.plan.operation == "rollback":
            return {}
        was, release, known = self.plan.was, self.plan.release, self._known()
        live = find(self.host.store.releases(self.stack.name), was.release) if was else None
        if live is None or live.release.env != release.env:
            return self.apps
        before = live.release
        same = {
            app
            for app in self.apps
            if before.images.get(app) == release.images[app]
            and before.definition.get("apps", {}).get(app, {}).get("migrate")
            and app in known
            and known[app].is_settled
        }
        return {app: migrate for app, migrate in self.apps.items() if app not in same}

    def carry_out(self) -> bool:
        """Bring every database to what the release wants, one after the other. Returns whether any was changed. Raises
        OperationError at the first that fails; those before it stay as they are."""
        found: dict[str, str] = {}
        changed = False
        for app, migrate in self.wanted.items():
            with self.journal.step("migrate", f"migrate the database of {app}"):
                before, found[app] = self._one(app, migrate)
            changed = changed or before != found[app]
        kept = {app: it.revision for app, it in self._known().items() if it.is_settled and app in self.apps}
        schema = {**{app: text for app, text in kept.items() if text is not None}, **found}
        entry = find(self.host.store.releases(self.stack.name), self.plan.release.id)
        if entry is not None:
            self.host.store.set_status(self.stack, dataclasses.replace(entry, schema=schema))
        return changed

    def settle(self) -> None:
        """Before everything is put back: nothing of a migration goes on, and what is applied is known. Can be done
        again."""
        if not self.apps or self.plan.operation == "rollback":
            return
        self.runs.stop()
        known = self._known()
        for app, migrate in self.apps.items():
            mine = known.get(app)
            if mine is None or mine.release != self.plan.release.id:
                continue
            if mine.state == "begun":
                mine = self._find_out(app, migrate, mine, "interrupted")
                self._note(
                    f"{app}: its migration was interrupted; applied is {mine.shown}, it was {shown(mine.was)} before. "
                    "It is not begun again by a recovery; the next release goes on from there"
                )
            elif mine.revision is None:
                self._find_out(app, migrate, mine, mine.state)
            elif mine.is_settled and mine.was != mine.revision:
                self._note(f"{app}: its database keeps {mine.shown}, which {self.plan.release.id} brought")

    def _one(self, app: str, migrate: Migrate) -> tuple[str, str]:
        """The revisions before and after."""
        who = lock.this_process("migrate", "", "", self.host.clock.now())
        try:
            with job_runs.alone(self.host, self.stack, self.plan.environment, app, who, LOCK_SECONDS):
                self.runs.provide_network()
                return self._asked(app, migrate)
        except RefusedError as busy:
            what = f"{app}: its database is seen to elsewhere"
            raise OperationError(what, self.runs.where, busy.problems[0].what) from busy

    def _asked(self, app: str, migrate: Migrate) -> tuple[str, str]:
        standing = self.runs.standing(app, migrate)
        revision, wanted = standing.revision, standing.wanted
        known = self._known().get(app)
        if known is not None and not known.is_settled:
            self._note(f"{app}: {known.sentence}; the database says {shown(revision)} now, and goes on from there")
        if not standing.is_pending:
            self.journal.note(f"{app}: nothing to migrate, {shown(revision)} is applied")
            if known is None or (known.revision, known.state) != (revision, "applied"):
                self._write(app, AppSchema(revision, "applied", self.plan.release.id, revision))
            return revision, revision
        self.journal.note(f"{app}: {shown(revision)} is applied" + (f", {wanted} is wanted" if wanted else ""))
        begun = AppSchema(revision, "begun", self.plan.release.id, revision)
        self._write(app, begun)
        seconds = self._attempts(app, migrate, begun)
        after = self._find_out(app, migrate, begun, "applied")
        if after.revision is None or (wanted is not None and after.revision != wanted):
            self._write(app, dataclasses.replace(after, state="failed"))
            raise migration_errors.not_there(app, self.runs.where, migrate, standing, after)
        self._note(f"{app}: migrated from {shown(revision)} to {after.shown} in {seconds:.1f} s")
        return revision, after.revision

    def _attempts(self, app: str, migrate: Migrate, begun: AppSchema) -> float:
        """Migrate, again where it waited for a lock in vain. Returns how long it took."""
        clock, since = self.host.clock, self.host.clock.monotonic()
        for attempt in itertools.count(1):
            left = migrate.timeout_seconds - (clock.monotonic() - since)
            run = self.runs.migrate(app, migrate, attempt, max(1.0, left))
            if run.outcome == "succeeded":
                break
            waited = run.outcome == "failed" and migrations.is_lock_wait(run.log)
            left = migrate.timeout_seconds - (clock.monotonic() - since) - migrate.pause_seconds
            if not waited or attempt > migrate.retries or left <= 0:
                after = self._find_out(app, migrate, begun, "failed")
                raise migration_errors.failed(run, self.runs.where, begun, after, attempt if waited else 0)
            self._note(
                f"{app}: waited {migrate.lock_seconds:g} s for a lock in vain; its migration is begun again after "
                f"{migrate.pause_seconds} s ({attempt} of {migrate.retries} retries)"
            )
            clock.wait(migrate.pause_seconds)
        return clock.monotonic() - since

    def _find_out(self, app: str, migrate: Migrate, begun: AppSchema, state: SchemaState) -> AppSchema:
        """Ask what is applied, and write that down. Where nobody can be asked it is not known."""
        revision: str | None
        try:
            self.runs.provide_network()
            revision = self.runs.revision(app, migrate)
        except OperationError as error:
            self.journal.note(f"{app}: what is applied is not known: {error.cause}")
            revision = None
        found = dataclasses.replace(begun, revision=revision, state=state)
        self._write(app, found)
        return found

    def _write(self, app: str, schema: AppSchema) -> None:
        at = timestamp(datetime.datetime.fromtimestamp(self.host.clock.now(), datetime.timezone.utc))
        written = dataclasses.replace(schema, at=at)
        self.host.store.set_schema(self.stack.name, self.plan.environment, app, written)

    def _known(self) -> Schemas:
        return self.host.store.schemas(self.stack.name)[self.plan.environment]

    def _note(self, text: str) -> None:
        self.journal.note(text)
        self.notes.append(text)
