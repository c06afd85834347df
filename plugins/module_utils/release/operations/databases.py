# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Providing the clusters of all stacks of a host, and saying how each answers."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import Problem, RefusedError
from ..hints import hint
from ..planning.backups.asked import AskedPlaces
from ..planning.databases import clusters, files
from ..planning.databases.clusters import Cluster
from ..ports import Host
from ..process import lock
from ..releases.databases import DatabaseStatus, Kept, Login, database_name
from ..releases.lock_holder import LockHolder
from ..stack.databases import Database
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from ..util.lazy import lazy_part
from . import backup_setup, compose_env_files, restore_setup

if TYPE_CHECKING:
    from . import host_recovery
else:
    host_recovery = lazy_part(".host_recovery", __package__)

LOCK_SECONDS = 60.0
#: Passwords of people's own by stack, environment, database and who it is for.
Given = Mapping[str, Mapping[str, Mapping[str, Mapping[str, str]]]]


@dataclass(frozen=True)
class Asked:
    """What a host is to have."""

    stacks: Sequence[Stack]
    given: Given = field(default_factory=dict)
    memory_percent: int = 50
    #: Whether settings that want a restart get one.
    restart: bool = False
    #: Where backups go; None where that is not said.
    places: AskedPlaces | None = None
    #: The one stack whose clusters are made as they are to be; empty is all of them.
    only: str = ""


@dataclass
class Provided:
    """What was changed, as lines, and what people should know."""

    changes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def provide(host: Host, asked: Asked, who: LockHolder, *, write: bool = True) -> Provided:
    """Make the clusters of these stacks as they are to be. Raises RefusedError, before anything is changed."""
    with contextlib.ExitStack() as held:
        if write:
            held.enter_context(lock.hold(os.path.join(host.paths.locks, "databases.lock"), who, LOCK_SECONDS))
        return _Provision(host, asked, write=write).run()


class _Provision:
    def __init__(self, host: Host, asked: Asked, *, write: bool) -> None:
        self.host, self.asked, self.write = host, asked, write
        self.found = host.database.clusters()
        names = {*host.stacks.names(), *(stack.name for stack in asked.stacks)}
        self.known = {name: host.store.databases(name) for name in sorted(names)}
        self.done = Provided()
        #: Of a host that was lost: clusters that are laid out from their backups.
        self.recovery = host.salvage.read()
        self.backups = backup_setup.Setup(host, asked.places, write=write)

    def run(self) -> Provided:
        wanted = self._plan()
        ports = {
            kept.port: self._block(stack, environment)
            for stack, mine in self.known.items()
            for environment, databases in mine.items()
            for kept in databases.values()
        }
        if ports and self.host.database.guard(files.guard(ports), write=self.write):
            self.done.changes.append("who reaches which port")
        # Where backups go is the host's own matter: when that changes, the log of all clusters goes there.
        moved = self.backups.moves(wanted)
        mine = [cluster for cluster in wanted if moved or self._is_meant(cluster.stack)]
        self.backups.prepare(mine)
        for cluster in mine:
            self._cluster(cluster)
        self.backups.finish(mine)
        self.backups.timers(self._meant())
        self.done.changes += restore_setup.provide(self.host, wanted, write=self.write)
        self.done.changes += self.backups.changes
        self.done.notes += self.backups.notes
        for stack in self._meant() if wanted and self.write else ():
            compose_env_files.provide(self.host, stack)
        return self.done

    def _is_meant(self, stack: str) -> bool:
        return self.asked.only in ("", stack)

    def _meant(self) -> list[Stack]:
        return [stack for stack in self.asked.stacks if self._is_meant(stack.name)]

    def _plan(self) -> list[Cluster]:
        """What is kept of each, with what is new; written down before any of it is made."""
        problems: list[Problem] = []
        version, wanted = self.host.database.usual_version(), []
        for stack in self.asked.stacks:
            if not self._is_meant(stack.name):
                wanted += self._as_it_is(stack)
                continue
            kept: dict[str, dict[str, Kept]] = {name: dict(mine) for name, mine in self.known[stack.name].items()}
            for environment in ENVIRONMENTS:
                for one in _here(stack, environment):
                    try:
                        new = self._keep(stack, environment, one, version)
                    except RefusedError as refused:
                        where = f"stack {stack.name}.databases.{one.name}, {environment}"
                        problems += [
                            Problem(each.what, f"{where}: {each.where}", each.fix) for each in refused.problems
                        ]
                        continue
                    if self.write and not self._block(stack.name, environment):
                        where = f"stack {stack.name} {environment}"
                        problems.append(Problem("has no addresses for its containers", where, hint("provision")))
                    kept.setdefault(environment, {})[one.name] = new
                    self.known[stack.name] = kept
                    wanted.append(Cluster(stack.name, environment, one, new, self._block(stack.name, environment)))
            self._tell_left(stack, kept)
        problems += clusters.budget_problems(wanted, self.host.memory_bytes, self.asked.memory_percent)
        problems += self.backups.problems(wanted)
        if problems:
            raise RefusedError(problems)
        for stack in self.asked.stacks:
            if self.known[stack.name] != self.host.store.databases(stack.name):
                self.done.changes.append(f"addresses of the databases of {stack.name}")
                if self.write:
                    self.host.store.set_databases(stack.name, self.known[stack.name])
        return wanted

    def _as_it_is(self, stack: Stack) -> list[Cluster]:
        return [
            Cluster(stack.name, environment, one, kept, self._block(stack.name, environment))
            for environment in ENVIRONMENTS
            for one in _here(stack, environment)
            if (kept := self.known[stack.name].get(environment, {}).get(one.name))
        ]

    def _keep(self, stack: Stack, environment: EnvironmentName, one: Database, version: str) -> Kept:
        given = self.asked.given.get(stack.name, {}).get(environment, {}).get(one.name, {})
        return clusters.keep(
            one,
            self.known[stack.name].get(environment, {}).get(one.name),
            self.found.get(clusters.cluster_name(stack.name, environment, one.name)),
            version=version,
            port=self._port,
            given=given,
            new=lambda password: Login(password or secrets.token_urlsafe(24), secrets.token_hex(16)),
        )

    def _port(self) -> int:
        recorded = {k.port for mine in self.known.values() for each in mine.values() for k in each.values()}
        free = [n for n in range(clusters.FIRST_PORT, clusters.LAST_PORT + 1) if n not in recorded]
        held = self.host.machine.holders(free)
        return clusters.next_port({*recorded, *held, *(placed.port for placed in self.found.values())})

    def _block(self, stack: str, environment: str) -> str:
        blocks = {str(name): block for name, block in self.host.store.networks().get(stack, {}).items()}
        return blocks.get(environment, "")

    def _tell_left(self, stack: Stack, kept: Mapping[str, Mapping[str, Kept]]) -> None:
        """What the stack no longer names keeps its data until a person removes it."""
        for environment, mine in kept.items():
            for name in mine:
                left = self.found.get(clusters.cluster_name(stack.name, environment, name))
                if left and name not in stack.databases:
                    fix = f"`sudo pg_dropcluster --stop {left.version} {left.name}` removes it with its data"
                    self.done.notes.append(f"{stack.name} has no database {name} any more; its cluster stays: {fix}")

    def _cluster(self, cluster: Cluster) -> None:
        database, placed = self.host.database, self.found.get(cluster.name)
        if placed is None:
            self.done.changes.append(f"made {cluster.place}")
            if not self.write:
                return
            database.create(cluster)
        cluster = dataclasses.replace(cluster, address=database.gateway())
        changed = database.configure(cluster, write=self.write)
        self.done.changes += changed
        runs = placed is not None and placed.runs
        if self.recovery and self.recovery.cluster(cluster.name) and self.write:
            self.recovery, runs = host_recovery.lay_out(self.host, self.recovery, cluster), False
            self.done.changes.append(f"brought back {cluster.place}")
        if not self.write and not runs:
            self.done.changes.append(f"started {cluster.place}")
            return
        if not runs:
            database.start(cluster)
        elif changed and self.write:
            self._load(cluster)
        if self.write:
            database.create_database(cluster)
        if database.grant(cluster, write=self.write) and placed is not None:
            self.done.changes.append(f"who may do what in {cluster.place}")

    def _load(self, cluster: Cluster) -> None:
        waiting = self.host.database.load(cluster)
        if waiting and self.asked.restart:
            self.host.database.restart(cluster)
        elif waiting:
            fix = "provision with -e postgresql_restart=true"
            self.done.notes.append(f"{cluster.place} takes {', '.join(waiting)} with its next restart. Fix: {fix}")


def _here(stack: Stack, environment: EnvironmentName) -> list[Database]:
    return [one for one in stack.databases_in(environment).values() if one.is_here]


def statuses(host: Host, stack: Stack, environment: EnvironmentName) -> dict[str, DatabaseStatus]:
    """How each database of an environment answers. Of those without a cluster here nothing is known."""
    mine = stack.databases_in(environment)
    kept = host.store.databases(stack.name).get(environment, {}) if any(one.is_here for one in mine.values()) else {}
    found = {}
    for name, one in mine.items():
        if not one.is_here:
            found[name] = DatabaseStatus(one.engine)
        elif name in kept:
            found[name] = host.database.status(kept[name].port, database_name(name))
        else:
            found[name] = DatabaseStatus(one.engine, cause="has not been made")
    return found
