# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rehearsing the migrations of a release: on a copy of the environment's data, with the release before on the result.

Whatever happens nothing is left of it but its record: containers, network and copies go at its end, and what a kill has
left is found by its names and goes at the beginning of the next, or with a recovery.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ..errors import InterruptedOperationError, OperationError, RefusedError
from ..hints import hint
from ..planning import migration_errors, migrations, rehearsals, sql_findings
from ..planning.backups.pgbackrest import PATIENCE_SECONDS
from ..planning.backups.stanzas import backed_up
from ..planning.catalogs import compare
from ..planning.databases.clusters import cluster_name
from ..ports import Host
from ..process import lock
from ..releases.backups import BackupSet, Stanza, Target
from ..releases.databases import database_name
from ..releases.history import find
from ..releases.lock_holder import LockHolder
from ..releases.plan import Plan
from ..releases.rehearsal import AppRehearsal, Rehearsal
from ..releases.rehearsed import network_name
from ..releases.schema import AppSchema, shown
from ..releases.scratch import Rows, Scratch, ScratchWanted, purpose_of
from ..releases.slot import stack_of
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from . import migration_attempts, redaction, witnesses
from .rehearsal_runs import Network, RehearsalRuns, make_network, stop_all, with_copies
from .rehearsed_release import OldRelease

#: Beside its data a cluster has logs and what it sorts in.
BESIDE_BYTES = 256 * 2**20
LOCK_SECONDS = 5.0


class Wanted(NamedTuple):
    """The migrations of these apps of the release that a plan brings live, with these values."""

    plan: Plan
    env: Mapping[str, bytes]
    apps: Sequence[str]


def rehearse(host: Host, stack: Stack, wanted: Wanted, who: LockHolder, tell: Callable[[str], None]) -> Rehearsal:
    """Carry a rehearsal out, and keep what was seen. Raises RefusedError while another one of that environment goes
    on."""
    plan = wanted.plan
    path = lock.lock_path(stack.name, f"{plan.environment}_rehearsal", host.paths.locks)
    begun = host.clock.monotonic()
    with lock.hold(path, who, LOCK_SECONDS):
        try:
            _sweep(host, stack, plan.environment)
            found = _Rehearsing(host, stack, plan, wanted.env, tell).carry_out(wanted.apps)
        except OperationError as error:
            redact = redaction.redactor(host, stack)
            text = redact(f"{error.what}: {error.cause}")
            found = Rehearsal(plan.environment, 0.0, 0.0, failure=text, fix=redact(error.fix))
        finally:
            _end(host, stack, plan.environment)
        seconds = round(host.clock.monotonic() - begun, 1)
        found = dataclasses.replace(found, at=host.clock.now(), seconds=seconds)
        host.store.add_rehearsal(stack.name, found)
    return found


def sweep(host: Host, stack: Stack, who: LockHolder) -> list[str]:
    """Remove what a killed rehearsal has left. One that goes on is left alone. Nothing is asked of a stack that has no
    database here. Returns what was done, one sentence for each environment."""
    found = []
    for environment in ENVIRONMENTS:
        if not any(one.is_here for one in stack.databases_in(environment).values()):
            continue
        try:
            with lock.hold(lock.lock_path(stack.name, f"{environment}_rehearsal", host.paths.locks), who, 0):
                if _sweep(host, stack, environment):
                    found.append(f"{environment}: what an interrupted rehearsal had left was removed")
        except RefusedError:
            continue
    return found


def _end(host: Host, stack: Stack, environment: EnvironmentName) -> None:
    """Remove all of it. What cannot be removed now is left to a recovery, which the operation then stays open for."""
    try:
        _sweep(host, stack, environment)
    except OperationError as error:
        what = "what a rehearsal has left could not be removed"
        raise InterruptedOperationError(what, f"{stack.name} {environment}", str(error), hint("recover")) from error


def _sweep(host: Host, stack: Stack, environment: EnvironmentName) -> bool:
    """Whether there was anything. What is wrong with one part is no reason to leave the next."""
    try:
        stop_all(host, stack, environment)
        host.docker.remove_network(network_name(stack, environment))
    finally:
        found = _forget(host, stack, environment)
    return found


def _forget(host: Host, stack: Stack, environment: EnvironmentName) -> bool:
    mine = [
        name
        for name in host.scratch.found()
        if purpose_of(name) == "rehearsal"
        and name.removeprefix("rehearsal_").startswith(cluster_name(stack.name, environment, ""))
    ]
    for name in mine:
        host.scratch.remove(name)
    return bool(mine)


class _Rehearsing:
    def __init__(
        self, host: Host, stack: Stack, plan: Plan, env: Mapping[str, bytes], tell: Callable[[str], None]
    ) -> None:
        self.host, self.stack, self.plan, self.env, self.tell = host, stack, plan, env, tell
        self.day = stack_of(plan.release, stack)
        self.environment = plan.environment
        self.sources: dict[str, str] = {}
        self.where = f"{plan.stack} {plan.environment}, on a copy"

    def carry_out(self, apps: Sequence[str]) -> Rehearsal:
        names = sorted({self.day.apps[app].database for app in apps})
        network = make_network(self.host, self.stack, self.environment)
        copies = {name: self._copy(name, network) for name in names}
        env = with_copies(self.host, self.stack, self.environment, self.env, copies)
        runs = RehearsalRuns(self.host, self.stack, self.day, self.plan, env, network)
        done = tuple(self._app(app, runs, copies[self.day.apps[app].database]) for app in apps)
        old, sick, images = self._old(copies, network)
        return Rehearsal(
            self.environment,
            0.0,
            0.0,
            old=old,
            old_images=images,
            apps=done,
            source=", ".join(self.sources.values()),
            sick=sick,
        )

    def _copy(self, name: str, network: Network) -> Scratch:
        kept = self.host.store.databases(self.stack.name).get(self.environment, {}).get(name)
        database = self.day.databases[name]
        if kept is None:
            raise OperationError("nothing was rehearsed", self.where, f"database {name} has not been made")
        size = self.host.database.status(kept.port, database_name(name)).size_bytes
        self.tell(f"{name}: copy its {size / 1e6:.0f} MB")
        wanted = ScratchWanted(
            purpose="rehearsal",
            cluster=cluster_name(self.stack.name, self.environment, name),
            version=kept.version,
            size_bytes=size + BESIDE_BYTES,
            floor_bytes=int(self.stack.disk_floor_gb * 1e9),
            memory=database.memory,
            address=network.gateway,
            block=network.subnet,
        )
        return self.host.scratch.make(wanted, self._source(name, kept.port))

    def _source(self, name: str, port: int) -> Callable[[str], None]:
        """What fills the copy: the newest backup, with all that was archived since. Where there is none it is the
        cluster itself. Staging's would not do: it has the new schema by now."""
        known = backed_up(self.stack, self.environment, self.host.store.databases(self.stack.name))
        stanza = next((it.stanza for it in known if it.database.name == name), None)
        sets = self._sets(stanza) if stanza else ()
        if stanza is None or not sets:
            self.sources[name] = f"a copy of database {name} as it is"
            return self.host.scratch.copy(port)
        self.sources[name] = f"the backup {max(sets, key=lambda one: one.ended).label} of database {name}"
        return functools.partial(self._restore, stanza)

    def _restore(self, stanza: Stanza, directory: str) -> None:
        self.host.backups.restore_into(stanza, directory, Target("latest"))

    def _sets(self, stanza: Stanza) -> Sequence[BackupSet]:
        try:
            return self.host.backups.info(stanza, seconds=PATIENCE_SECONDS)
        except OperationError as error:
            self.tell(f"{stanza.name}: its backups cannot be asked, so the cluster is copied: {error.cause}")
            return ()

    def _app(self, app: str, runs: RehearsalRuns, copy: Scratch) -> AppRehearsal:
        migrate, scratch = self.day.migrations[app], self.host.scratch
        database = database_name(self.day.apps[app].database)
        standing = runs.standing(app, migrate)
        image = self.plan.release.images[app]
        if not standing.is_pending:
            self.tell(f"{app}: nothing to migrate, {shown(standing.revision)} is applied")
            return AppRehearsal(app, database, image, standing.revision, standing.revision, verdict="expand")
        self.tell(f"{app}: migrate the copy from {shown(standing.revision)}")
        before, rows = self.host.catalogs.read(copy.port, database), scratch.rows(copy, database)
        with scratch.watched(copy, database) as samples, scratch.recorded(copy, database) as statements:
            known = self.host.store.schemas(self.stack.name)[self.environment].get(app)
            is_again = known is not None and not known.is_settled
            done = migration_attempts.migrate(runs, app, migrate, self.tell, again=is_again)
        reached = runs.revision(app, migrate)
        after = AppSchema(reached, "applied", self.plan.release.id, standing.revision)
        if done.last.outcome != "succeeded":
            raise migration_errors.failed(done.last, self.where, migrate, after, after, done.waits)
        if standing.wanted is not None and reached != standing.wanted:
            raise migration_errors.not_there(app, self.where, migrate, standing, after)
        verdict = compare(before, self.host.catalogs.read(copy.port, database))
        touched = _since(rows, scratch.rows(copy, database))
        linted = self.host.linter.findings(statements, copy.version)
        return AppRehearsal(
            app=app,
            database=self.day.apps[app].database,
            image=image,
            revision=standing.revision,
            reached=reached,
            migrations=migrations.carried_out(done.last.log),
            seconds=done.last.seconds or 0.0,
            verdict=verdict.kind,
            losses=verdict.losses,
            locks=rehearsals.longest_locks(samples, before.tables),
            rows={table: it.total for table, it in touched.items() if it.total},
            statements=rehearsals.shortened([runs.redact(text) for text in statements]),
            findings=(*sql_findings.findings(statements, touched), *linted),
        )

    def _old(self, copies: Mapping[str, Scratch], network: Network) -> tuple[str, tuple[str, ...], dict[str, str]]:
        """The release that is live, whether it is well on the copies, and the images of its apps that were started."""
        was = self.plan.was
        entry = find(witnesses.entries(self.host, self.stack.name), was.release) if was else None
        if was is None or entry is None:
            return "", (), {}
        values = self.host.store.release_env(self.stack, entry.release.id)
        env = with_copies(self.host, self.stack, self.environment, values, copies)
        old = OldRelease(self.host, self.stack, entry.release, was.slot, env, network)
        apps = old.apps(copies)
        self.tell(f"start {entry.release.id} on the migrated copy: {', '.join(app.name for app in apps) or 'no app'}")
        redact = redaction.redactor(self.host, self.stack)
        sick = tuple(redact(text) for text in old.sick(apps))
        return entry.release.id, sick, {app.name: entry.release.images[app.name] for app in apps}


def _since(before: Mapping[str, Rows], after: Mapping[str, Rows]) -> dict[str, Rows]:
    nothing = Rows(0, 0, 0)
    return {
        table: Rows(*(now - then for now, then in zip(rows, before.get(table, nothing), strict=True)))
        for table, rows in after.items()
    }
