# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing back a lost host: state and files before it is provisioned, clusters while it is.

What comes from where is written down before anything is changed, and each part when it is there, so that whoever is
killed in between goes on with the same copies.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import OperationError, Problem, RefusedError
from ..planning import host_recovery as planning
from ..planning.backups import pgbackrest, schedule
from ..planning.backups.asked import AskedPlaces, read_places
from ..planning.backups.copies import tag
from ..planning.backups.stanzas import backed_up, stanza_of
from ..planning.databases.clusters import Cluster, cluster_name
from ..ports import Host
from ..process import lock
from ..releases.backups import Places, Target
from ..releases.host_recovery import ClusterCopy, Copy, HostRecovery, StackRecovery
from ..releases.lock_holder import LockHolder
from ..stack.model import ENVIRONMENTS, Stack
from . import services

LOCK_SECONDS = 10.0


@dataclass
class Recovered:
    """What came back, or would, and what is to be released then."""

    changed: bool = False
    lines: list[str] = field(default_factory=list)
    deploys: list[dict[str, object]] = field(default_factory=list)
    promotes: list[str] = field(default_factory=list)


def begin(
    host: Host,
    stacks: Sequence[Stack],
    backups: Mapping[str, Any],
    who: LockHolder,
    problems: Sequence[Problem] = (),
    *,
    write: bool = True,
) -> Recovered:
    """State and files. Goes on where it was killed. Raises RefusedError, with all problems, before anything changes;
    `problems` are those that are known before."""
    found = list(problems)
    asked = read_places(backups, found)
    with contextlib.ExitStack() as held:
        if write:
            held.enter_context(lock.hold(os.path.join(host.paths.locks, "recovery.lock"), who, LOCK_SECONDS))
        return _Recovery(host, stacks, asked, found, write=write).run()


def finish(host: Host, stacks: Sequence[Stack], *, write: bool = True) -> Recovered:
    """Production answers: say what came back."""
    record = host.salvage.read()
    if record is None:
        raise OperationError("nothing is being brought back here", "recover_host", "there is no record of it")
    now, changed = host.clock.now(), not record.ended
    hosts = [name for stack in stacks for name in stack.environments["production"].hosts]
    if changed and write:
        record = dataclasses.replace(record, ended=now)
        host.salvage.write(record)
    took = f"brought back in {max(0.0, (record.ended or now) - record.begun) / 60:.1f} min"
    return Recovered(changed, [took, *planning.lines(record, now), *planning.following(record, hosts)])


def lay_out(host: Host, record: HostRecovery, cluster: Cluster) -> HostRecovery:
    """A cluster that was just made gets the data of its backup, and its whole log. It is on a timeline of its own then,
    in the same archive."""
    copy, stanza, begun = record.cluster(cluster.name), stanza_of(cluster), host.clock.monotonic()
    if copy is None:
        return record
    host.restores.clear(stanza)
    host.backups.restore_into(stanza, stanza.data, Target(repository=copy.repository), archive=True)
    host.restores.replay(stanza)
    until = host.restores.newest_beat(stanza.port)
    record = record.with_done(cluster.name, host.clock.monotonic() - begun, until)
    host.salvage.write(record)
    return record


class _Recovery:
    def __init__(
        self, host: Host, stacks: Sequence[Stack], asked: AskedPlaces, problems: list[Problem], *, write: bool
    ) -> None:
        self.host, self.stacks, self.write = host, {stack.name: stack for stack in stacks}, write
        self.places = Places(asked.path, asked.passphrase, asked.bucket)
        self.kinds = ("path", "s3") if asked.bucket else ("path",)
        self.problems = problems
        self.notes: list[str] = []
        self.done = Recovered()

    def run(self) -> Recovered:
        record = self.host.salvage.read()
        if record and not record.ended and self.problems:
            raise RefusedError(self.problems)
        if record is None or record.ended:
            record = self._plan()
            self.done.changed = True
            if self.write:
                self.host.backup_places.write(self.places)
                self.host.salvage.write(record)
        if self.write:
            record = self._carry_out(record)
        self.done.lines = [*planning.lines(record, self.host.clock.now()), *self.notes]
        self.done.deploys, self.done.promotes = planning.deploys(record), planning.promotes(record)
        return self.done

    def _plan(self) -> HostRecovery:
        for stack in self.stacks.values():
            self._is_empty(stack)
        if not self.places.passphrase:
            self.problems.append(planning.no_passphrase())
            raise RefusedError(self.problems)
        clusters = any(one.is_here and one.backup for stack in self.stacks.values() for one in stack.databases.values())
        if missing := self.host.salvage.missing(clusters=clusters):
            if self.write:
                raise OperationError("programs are missing", "recover_host", ", ".join(missing))
            self.notes.append(f"{' and '.join(missing)} are not installed yet, so what the backups hold is not known")
            if self.problems:
                raise RefusedError(self.problems)
            return HostRecovery(0.0, ())
        found = [one for stack in self.stacks.values() if (one := self._look(stack))]
        if not found and not self.problems:
            what = "no stack of this host has backups, so nothing can come back"
            self.problems.append(Problem(what, "recover_host", "provision it, then deploy"))
        if self.problems:
            raise RefusedError(self.problems)
        return HostRecovery(self.host.clock.now(), tuple(found))

    def _is_empty(self, stack: Stack) -> None:
        names = {cluster_name(stack.name, environment, one) for environment in ENVIRONMENTS for one in stack.databases}
        clusters = sorted(names & self.host.database.clusters().keys())
        volumes = []
        # Docker may not be there yet.
        with contextlib.suppress(OperationError):
            wanted = [stack.volume(environment, name) for environment in ENVIRONMENTS for name in stack.volumes]
            volumes = [name for name in wanted if self.host.copies.volume(name)]
        releases = len(self.host.store.release_names(stack.name))
        self.problems += planning.not_empty(stack.name, releases, clusters, volumes)

    def _look(self, stack: Stack) -> StackRecovery | None:
        """What there is of a stack, from all its repositories."""
        if not any(stack.has_backups(environment) for environment in ENVIRONMENTS):
            self.notes.append(f"{stack.name}: nothing of it is backed up; it begins empty")
            return None
        troubles: list[Problem] = []
        newest = planning.newest(copy for kind in self.kinds for copy in self._copies(kind, stack, troubles))
        state = newest.get(tag(f"state {stack.name}"))
        if state is None:
            what = Problem("its backups have no copy of its state", f"stack {stack.name}", planning.CHECK)
            self.problems += troubles or [what]
            return None
        try:
            return self._of(stack, state, newest)
        except OperationError as error:
            self.problems.append(Problem(f"its backups cannot be read: {error.cause}", error.where, planning.CHECK))
            return None

    def _copies(self, kind: str, stack: Stack, troubles: list[Problem]) -> list[Copy]:
        try:
            return self.host.salvage.copies(self.places, kind, stack.name)
        except OperationError as error:
            where = f"{self.places.path}/restic/{stack.name}" if kind == "path" else "postgresql_backup_bucket"
            troubles.append(Problem(f"its backups cannot be read: {error.cause}", where, planning.CHECK))
            return []

    def _of(self, stack: Stack, state: Copy, newest: dict[str, Copy]) -> StackRecovery:
        known = self.host.salvage.known(self.places, state, f"{self.host.paths.state}/{stack.name}")
        tasks, clusters, things = schedule.tasks(stack, known.databases), {}, set(newest)
        for environment in ENVIRONMENTS:
            for one in backed_up(stack, environment, known.databases):
                if one.database.backup is None:
                    continue
                text = pgbackrest.settings(one.stanza, one.database.backup, self.places, ())
                if sets := self.host.salvage.sets(one.stanza, text):
                    last = sets[-1]
                    clusters[one.stanza.name] = ClusterCopy(last.label, last.ended, last.repository, last.size)
                    things.add(tag(f"{environment} database {one.database.name}"))
        self.notes += planning.empty(stack, tasks, dict.fromkeys(things))
        live, staging = planning.live(known, "production"), planning.live(known, "staging")
        commits = (staging.release.commit if staging else "", live.release.commit if live else "")
        return StackRecovery(
            stack.name,
            state,
            {name: newest[name] for name in planning.wanted(tasks) if name in newest},
            clusters,
            planning.deployed(live),
            live.release.id if live else "",
            commits[0],
            planning.is_ahead(stack, commits, clusters),
        )

    def _carry_out(self, record: HostRecovery) -> HostRecovery:
        if any(stack.clusters for stack in record.stacks):
            self.host.salvage.adopt(f"{self.places.path}/postgresql")
        for one in record.stacks:
            if (stack := self.stacks.get(one.name)) is None:
                continue
            for name, copy in (("state", one.state), *one.files.items()):
                what = f"{one.name} {name}"
                if what in record.done:
                    continue
                begun = self.host.clock.monotonic()
                self._bring(stack, name, copy)
                record = record.with_done(what, self.host.clock.monotonic() - begun)
                self.host.salvage.write(record)
                self.done.changed = True
        return record

    def _bring(self, stack: Stack, name: str, copy: Copy) -> None:
        if name == "state":
            path = f"{self.host.paths.state}/{stack.name}"
            self.host.salvage.state(self.places, copy, path, planning.STATE)
            return
        environment, what, thing = name.split("/")
        mine = next(one for one in ENVIRONMENTS if one == environment)
        volume = thing if what == "volume" else stack.databases[thing].volume
        services.provide_volumes(self.host, stack, mine, [volume])
        if not (place := self.host.copies.volume(stack.volume(mine, volume))):
            raise OperationError("the volume could not be made", stack.volume(mine, volume), "Docker has none")
        if what == "volume":
            self.host.salvage.volume(self.places, copy, place)
        else:
            self.host.salvage.file(self.places, copy, f"{place}/{stack.databases[thing].file}")
