# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole host in memory, behind the engine's ports: Docker, router, edge, git, disk and time, each of which may fail.

The parts behave like the real ones in the ways that matter to a release: only one container can have a port, Docker
restarts what was not stopped on purpose, HAProxy forgets its memory and reads its file, an image without tag and
container may disappear. The edge answers from router and containers, so a wrong state has visible effects.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import itertools
import json
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fakes.backups import FakeBackupPlaces, FakeBackups, FakeBackupTimer, FakeCopies
from fakes.clock import FakeClock
from fakes.console import FakeConsole
from fakes.copied import FakeCopied
from fakes.databases import FakeDatabases
from fakes.disk import FakeDisk
from fakes.docker import BOOT_SECONDS, HEALTHY, Box, FakeDocker
from fakes.endpoints import FakeEndpoints
from fakes.faults import Faults, Killed
from fakes.git import FakeGit
from fakes.haproxy import FakeRouter, word
from fakes.home import FakeDirectory, FakeHome
from fakes.intake import FakeIntake
from fakes.machine import FakeMachine
from fakes.maintenance import FakeMaintenance
from fakes.nginx import FakeEdge
from fakes.one_off import FakeOneOff, FakeRuns, FakeSchedule
from fakes.postgresql import FakePostgresql
from fakes.probe import FakeProbe
from fakes.restores import FakeRestores
from fakes.salvage import FakeSalvage
from fakes.scratch import FakeScratch
from fakes.stacks import FakeStacks, shop_definition
from fakes.store import FakeStore
from fakes.systemd import FakeTimer
from release.env.env_file import format_env
from release.errors import OperationError, RefusedError
from release.operations import (
    backups,
    change_scale,
    change_services,
    drill,
    job_runs,
    maintenance,
    recover,
    restore,
    runner,
    warm_slot,
    witnesses,
)
from release.operations.backups import BackupReport
from release.operations.backups import Wish as BackupWish
from release.operations.change_scale import Asked, ScaleReport
from release.operations.change_services import ServicesReport
from release.operations.drill import DrillReport
from release.operations.maintenance import MaintenanceReport
from release.operations.restore import RestoreReport
from release.paths import Paths
from release.planning.maintenance import Wish
from release.planning.restores import Wish as RestoreWish
from release.ports import Host
from release.process import journal, lock
from release.releases.history import find
from release.releases.lock_holder import LockHolder
from release.releases.release import Entry, Live, Release
from release.releases.report import OperationReport
from release.releases.request import OPERATIONS, Request
from release.releases.runs import Run
from release.stack.model import ENVIRONMENTS, App, EnvironmentName, Slot, Stack
from release.stack.reader import read_stack


@functools.lru_cache(maxsize=256)
def stack_of(definition: str) -> Stack:
    """Nearly all releases have the same few definitions, and nobody changes what is read."""
    return read_stack("shop", json.loads(definition))


class World:
    """One host with one stack on it, and everything that can happen to it."""

    def __init__(self, directory: str, definition: dict[str, Any] | None = None) -> None:
        self.faults = Faults()
        self.stack: Stack = read_stack("shop", definition or shop_definition())
        self.clock = FakeClock(self)
        self.docker = FakeDocker(self)
        self.router = FakeRouter(self)
        self.git = FakeGit(self)
        self.store = FakeStore(self)
        self.probe = FakeProbe(self)
        self.timer = FakeTimer(self)
        self.edge = FakeEdge(self)
        self.maintenance = FakeMaintenance(self)
        self.disk = FakeDisk()
        self.machine = FakeMachine()
        self.one_off = FakeOneOff(self)
        self.databases = FakeDatabases(self)
        self.runs = FakeRuns(self)
        self.schedule = FakeSchedule(self)
        self.console = FakeConsole(self)
        self.intake = FakeIntake(self)
        self.endpoints = FakeEndpoints(self)
        self.database = FakePostgresql(change=self.change)
        self.backups = FakeBackups(self)
        self.places = FakeBackupPlaces()
        self.copies = FakeCopies(self)
        self.copied = FakeCopied()
        self.backup_timer = FakeBackupTimer()
        self.restores = FakeRestores(self)
        self.scratch = FakeScratch(self)
        self.salvage = FakeSalvage(self)
        self.host = Host(
            paths=Paths(state=f"{directory}/state", locks=f"{directory}/locks"),
            docker=self.docker,
            router=self.router,
            git=self.git,
            probe=self.probe,
            store=self.store,
            disk=self.disk,
            stacks=FakeStacks(self),
            directory=FakeDirectory(),
            home=FakeHome(),
            clock=self.clock,
            timer=self.timer,
            edge=self.edge,
            maintenance=self.maintenance,
            one_off=self.one_off,
            runs=self.runs,
            schedule=self.schedule,
            console=self.console,
            intake=self.intake,
            machine=self.machine,
            endpoints=self.endpoints,
            database=self.database,
            backups=self.backups,
            backup_places=self.places,
            catalogs=self.databases,
            copies=self.copies,
            copied=self.copied,
            backup_timer=self.backup_timer,
            restores=self.restores,
            scratch=self.scratch,
            salvage=self.salvage,
        )
        #: Wrong answers of the public ports, at any moment.
        self.violations: list[str] = []
        #: True once something other than the engine has removed images, and their tags with them.
        self.images_lost = False
        #: Why somebody scales.
        self.reason = "busy"
        self.numbers = itertools.count(1)
        #: By release: the stack as it defines it, and the apps of it that visitors ask for.
        self.days: dict[str, Stack] = {}
        self.visited: dict[str, list[App]] = {}
        self.commit(dict.fromkeys(self.stack.apps, HEALTHY))

    @property
    def paths(self) -> Paths:
        return self.host.paths

    # What people do

    def commit(self, changes: Mapping[str, str]) -> str:
        """Push a commit that changes these apps; each new source makes its app behave as given."""
        return self.git.commit(changes)

    def request(self, name: str, **options: Any) -> Request:
        return Request(name, OPERATIONS[name], person="ann", host="desk", **options)

    def run(self, name: str, check: bool = False, **options: Any) -> OperationReport | None:
        """Run one operation. Returns None if it was killed."""
        number = next(self.numbers)
        request = self.request(name, **options)
        # Named like new_journal_path, but with a growing time: operations here take no time at all.
        folder = journal.directory(self.stack.name, self.paths.state)
        path = f"{folder}/{20260101000000 + number}Z-{request.environment}-{name}-{number}.jsonl"
        try:
            return runner.run(self.host, self.stack, request, check=check, journal_path="" if check else path)
        except Killed:
            return None

    def change_services(self, environment: EnvironmentName) -> ServicesReport | OperationError | RefusedError | None:
        """Do what services.yml does. Returns None if it was killed, and the error if it failed."""
        number = next(self.numbers)
        folder = journal.directory(self.stack.name, self.paths.state)
        path = f"{folder}/{20260101000000 + number}Z-{environment}-services-{number}.jsonl"
        who = LockHolder.from_json({"operation": "services", "person": "ann", "host": "desk"})
        try:
            return change_services.run(self.host, self.stack, environment, who, path=path)
        except (OperationError, RefusedError) as error:
            return error
        except Killed:
            return None

    def maintain(
        self, state: str, environment: str = "production", **wish: Any
    ) -> MaintenanceReport | OperationError | None:
        """Do what maintenance.yml does. Returns None if it was killed, and the error if it failed on the way."""
        who = LockHolder.from_json({"operation": "maintenance", "person": "ann", "host": "desk", "reason": "it moves"})
        until = {"until": "1h"} if state == "on" else {}
        try:
            return maintenance.request(self.host, self.stack, Wish(state, environment, **{**until, **wish}), who)
        except OperationError as error:
            return error
        except Killed:
            return None

    def run_job(self, environment: EnvironmentName, name: str) -> Run | OperationError | RefusedError | None:
        """Do what jobs.yml does with -e run=…. Returns None if it was killed, and the error if it failed."""
        who = LockHolder.from_json({"operation": "job", "person": "ann", "host": "desk"})
        try:
            return job_runs.now(self.host, self.stack, environment, name, who)
        except (OperationError, RefusedError) as error:
            return error
        except Killed:
            return None

    def scale(
        self, app: str, replicas: int | str, environment: str = "production", *, check: bool = False
    ) -> ScaleReport | OperationError | RefusedError | None:
        """Do what scale.yml does. Returns None if it was killed, and the error if it failed."""
        number = next(self.numbers)
        folder = journal.directory(self.stack.name, self.paths.state)
        path = f"{folder}/{20260101000000 + number}Z-{environment}-scale-{number}.jsonl"
        who = LockHolder.from_json({"operation": "scale", "person": "ann", "host": "desk", "reason": self.reason})
        asked = Asked(app, str(replicas), environment)
        try:
            return change_scale.request(self.host, self.stack, asked, who, check=check, path=path)
        except (OperationError, RefusedError) as error:
            return error
        except Killed:
            return None

    def restore(self, *, check: bool = False, **wish: str) -> RestoreReport | OperationError | RefusedError | None:
        """Do what restore.yml does. Returns None if it was killed, and the error if it failed."""
        number = next(self.numbers)
        environment = wish.setdefault("environment", "production")
        folder = journal.directory(self.stack.name, self.paths.state)
        path = f"{folder}/{20260101000000 + number}Z-{environment}-restore-{number}.jsonl"
        who = LockHolder.from_json({"operation": "restore", "person": "ann", "host": "desk", "reason": self.reason})
        try:
            return restore.request(self.host, self.stack, RestoreWish(**wish), who, check=check, path=path)
        except (OperationError, RefusedError) as error:
            return error
        except Killed:
            return None

    def back_up(self, environment: str = "") -> BackupReport | OperationError | RefusedError | None:
        """Do what backup.yml does. Returns None if it was killed, and the error if it failed."""
        who = LockHolder.from_json({"operation": "backup", "person": "ann", "host": "desk"})
        try:
            return backups.take(self.host, self.stack, BackupWish(environment), who, lambda _line: None)
        except (OperationError, RefusedError) as error:
            return error
        except Killed:
            return None

    def drill(self) -> DrillReport | OperationError | RefusedError | None:
        """Do what drill.yml does. Returns None if it was killed, and the error if it failed."""
        who = LockHolder.from_json({"operation": "drill", "person": "timer", "host": "vm"})
        try:
            return drill.request(self.host, self.stack, "", "", who)
        except (OperationError, RefusedError) as error:
            return error
        except Killed:
            return None

    def good(self, name: str, **options: Any) -> OperationReport:
        """An operation that must succeed."""
        report = self.run(name, **options)
        assert report is not None and not report.failed, report
        return report

    def ship(self, **changes: str) -> tuple[str, str]:
        """Commit, deploy, promote. Returns the ids of both releases."""
        self.commit(changes or {"api": HEALTHY})
        staging = self.good("deploy").release
        self.clock.time += 2
        production = self.good("promote").release
        self.clock.time += 2
        return staging, production

    def recover(self) -> list[str]:
        """Do what recover.yml does."""
        found = []
        for environment in ENVIRONMENTS:
            with lock.hold(lock.lock_path(self.stack.name, environment, self.paths.locks), LockHolder.from_json({}), 0):
                found += [
                    recover.recover(self.host, self.stack, record)
                    for record in journal.unfinished(self.stack.name, environment, self.paths.state)
                ]
                found += witnesses.mend(self.host, self.stack, environment)
            found += job_runs.mend(self.host, self.stack, environment)
        return found

    def expire_standby(self) -> list[str]:
        """Do what the timer of a warm slot does; it waits for its turn, as every operation does."""
        found = []
        for environment in ENVIRONMENTS:
            with lock.hold(lock.lock_path(self.stack.name, environment, self.paths.locks), LockHolder.from_json({}), 0):
                found.append(warm_slot.expire_standby(self.host, self.stack, environment))
        return [text for text in found if text]

    def freshen(self) -> None:
        """Make every container look just started, so that those that exit early have not done so yet."""
        for box in self.docker.boxes:
            box.began = self.clock.time - 2 * BOOT_SECONDS

    def unfinished(self, environment: EnvironmentName) -> bool:
        return bool(journal.unfinished(self.stack.name, environment, self.paths.state))

    # What happens to a host

    def revive(self) -> None:
        self.faults.revive()

    def reboot(self) -> None:
        """Power failure: Docker starts what was not stopped on purpose, HAProxy reads its file."""
        self.revive()
        for beside in self.docker.beside:
            beside.began = self.clock.time
        for box in self.docker.boxes:
            if box.up:
                box.began, box.after_reboot = self.clock.time, True
        self.one_off.reboot()
        self.console.reboot()
        self.router.restart()
        self.maintenance.restart()
        self.restores.restart()
        self.edge.restart()
        self.timer.armed.clear()
        self.intake.held.clear()
        self.store.half.clear()

    def prune(self) -> None:
        """docker system prune -af."""
        self.images_lost = True
        self.docker.boxes = [box for box in self.docker.boxes if box.up]
        used = {box.image for box in self.docker.boxes} | {box.image for box in self.docker.beside}
        self.docker.images = {name: image for name, image in self.docker.images.items() if name in used}
        self.docker.tags = {name: image for name, image in self.docker.tags.items() if image in used}

    def remove_image(self, image: str) -> None:
        """docker rmi --force, which does not touch what a running container uses."""
        used = [box.image for box in self.docker.boxes if box.up] + [box.image for box in self.docker.beside if box.up]
        if image in used:
            return
        self.images_lost = True
        self.docker.images.pop(image, None)
        self.docker.tags = {name: used for name, used in self.docker.tags.items() if used != image}

    def rotate_secret(self) -> None:
        number = next(self.numbers)
        self._set(DATABASE_URL=f"db://{number}", COLOUR="blue")

    def change_setting(self) -> None:
        number = next(self.numbers)
        self._set(DATABASE_URL="db://1", COLOUR=f"c{number}")

    def _set(self, **values: str) -> None:
        """What the matrix of a stack does not know would be refused."""
        matrix = self.stack.env_matrix
        known = {name: value for name, value in values.items() if not matrix or name in matrix}
        self.store.env["common"] = format_env(known).encode()

    # What can be observed

    def entries(self, environment: EnvironmentName) -> list[Entry]:
        return [e for e in self.store.entries() if e.release.environment == environment]

    def entry(self, release: str) -> Entry:
        found = find(self.store.entries(), release)
        assert found is not None, release
        return found

    def tag(self, app: str, tag: str) -> str:
        return self.docker.tags.get(f"{app}:{tag}", "")

    def up(self, environment: EnvironmentName, slot: Slot | None = None) -> list[Box]:
        return [b for b in self.docker.boxes if b.up and b.environment == environment and slot in (None, b.slot)]

    def day(self, release: str) -> Stack:
        """The stack as a release of the history defines it."""
        if release not in self.days:
            self.days[release] = stack_of(json.dumps(self.store.written[release].release.definition))
        return self.days[release]

    def app_of(self, release: str, name: str) -> App | None:
        """An app as a release has it."""
        return self.day(release).apps.get(name) if release in self.store.written else None

    def web_apps(self) -> set[str]:
        """Apps that the router knows: those of today, and of every release there is."""
        stacks = [self.stack, *(self.day(release) for release in self.store.written)]
        return {app.name for stack in stacks for app in stack.web_apps}

    def look(self) -> None:
        """Check the visitor's view, after every change: the first invariant."""
        for environment in ENVIRONMENTS:
            live = word(self.router.does[environment]).live
            if live is None:
                continue
            if live.release not in self.store.written:
                self._wrong(f"{environment} is switched to {live}, which is not in the history")
                continue
            for app in self._asked_for(live.release):
                self._look_at(environment, live, app)

    def _asked_for(self, release: str) -> list[App]:
        """The apps of a release that visitors ask for."""
        if release not in self.visited:
            apps = [self.day(release).apps[name] for name in self.store.written[release].release.services]
            self.visited[release] = [app for app in apps if app.is_web]
        return self.visited[release]

    def _look_at(self, environment: EnvironmentName, live: Live, app: App) -> None:
        at = self.router.reach_memory[environment].get(live.slot, {}).get(app.name)
        if at is not None and at.replicas > 1 and not at.held:
            # The router asks each for its health, and sends nothing to those that are not well.
            boxes = [self.docker.at_port(at.port, number) for number in range(1, at.replicas + 1)]
            if any(box is not None and box.release != live.release for box in boxes):
                self._wrong(f"{environment} {app.name}: a replica of another release answers")
            if any(box is not None and self.docker.answers(box) for box in boxes):
                return
        box = self.docker.at_port(at.port if at else 0)
        if box is not None and (box.release, box.app) == (live.release, app.name) and self.docker.answers(box):
            return
        is_seen = not self.maintenance.is_closed(environment, app.name, "/")
        if box is None:
            # An app that must never run twice is down for a moment; the router holds its requests. Where everything is
            # closed visitors see a page of the router's.
            if (
                is_seen
                and not self.router.holds(environment, live.slot, app.name)
                and not self.docker.is_bad(self.docker.named(environment, live, app.name))
            ):
                self._wrong(f"{environment} {app.name}: nothing runs for {live}")
        elif box.release != live.release:
            self._wrong(f"{environment} {app.name}: {box.release} answers in the name of {live.release}")
        elif box.app != app.name and app.name in self.day(live.release).apps:
            self._wrong(f"{environment} {app.name}: {box.app} answers for it")
        elif is_seen and not (
            self.docker.answers(box)
            or box.after_reboot
            or self.router.holds(environment, live.slot, app.name)
            or self.docker.is_bad(box)
        ):
            self._wrong(f"{environment} {app.name}: {live} does not answer yet")

    def look_at_stop(self, box: Box) -> None:
        """An app that is told to stop resets what has connected and is not accepted yet: nobody may connect by then."""
        live = Live.parse(self.router.does[box.environment])
        known = self.router.reach_memory[box.environment].get(live.slot, {}) if live else {}
        asked = {self.router.port(box.environment, live.slot, app) for app in known} if live else set()
        if self.maintenance.is_closed(box.environment, box.app, "/"):
            return
        if box.port in asked and self.docker.at_port(box.port) is box and not self.intake.trouble:
            self._wrong(f"{box.environment} {box.app}: told to stop while requests still come in")

    def _wrong(self, text: str) -> None:
        self.violations.append(f"after {self.faults.calls[-1:]}: {text}")

    @contextlib.contextmanager
    def change(self, what: str) -> Iterator[None]:
        """Runs around every change of the world: the one hook where faults strike and the visitor's view is checked."""
        self.faults.strike(what, after=False)
        yield
        self.look()
        self.faults.strike(what, after=True)


@dataclass(frozen=True)
class Kept:
    """A pickled host, and what all hosts made from it share: definitions and releases, which nobody changes."""

    pickled: bytes
    shared: list[object]


class _Keeper(pickle.Pickler):
    """Leaves out what is shared."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.shared: list[object] = []
        self._numbers: dict[int, int] = {}

    def persistent_id(self, thing: object) -> int | None:
        if not isinstance(thing, (Stack, Release)):
            return None
        if id(thing) not in self._numbers:
            self._numbers[id(thing)] = len(self.shared)
            self.shared.append(thing)
        return self._numbers[id(thing)]


class _Reader(pickle.Unpickler):
    def __init__(self, kept: Kept) -> None:
        super().__init__(io.BytesIO(kept.pickled))
        self._shared = kept.shared

    def persistent_load(self, number: int) -> object:
        return self._shared[number]


def kept(world: World) -> Kept:
    """A host at this moment, to go on with again and again."""
    file = io.BytesIO()
    keeper = _Keeper(file)
    keeper.dump(world)
    return Kept(file.getvalue(), keeper.shared)


def again(kept: Kept, directory: str) -> World:
    """A kept host, elsewhere. Journals of what went before are of no more use, because all of it was finished."""
    world: World = _Reader(kept).load()
    paths = Paths(state=f"{directory}/state", locks=f"{directory}/locks")
    world.host = dataclasses.replace(world.host, paths=paths)
    world.faults.disarm()
    return world
