# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole host in memory, behind the engine's seam: Docker, switch, edge, git, disk and time, each of which may fail.

The parts do what the real ones do in the ways that matter to a release: a port is taken by one container only, Docker
brings back what was not stopped on purpose, HAProxy forgets its memory and reads its file, an image that no tag and no
container holds may be gone. The edge answers from switch and containers, so that a wrong state is really seen.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import hashlib
import io
import itertools
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any
from unittest import mock

from release import paths
from release.env.env_file import fingerprint, format_env
from release.errors import OperationError
from release.operations import recover, runner, warm_slot
from release.ports import Host
from release.process import journal, lock
from release.releases.compose import LABEL
from release.releases.history import find
from release.releases.lock_holder import LockHolder
from release.releases.release import Entry, Live, Release
from release.releases.request import OPERATIONS, Request
from release.releases.runtime import Answer, BuildResult, Container, Image
from release.stack.model import ENVIRONMENTS, SLOTS, App, Stack
from release.stack.reader import read_stack
from release.util.concurrency import TaskPool

#: An app answers this long after its container was started.
BOOT_SECONDS = 0.05

#: How an image behaves once it runs: (seconds it lives, seconds until Docker starts it again), 0 for ever.
HEALTHY, SICK, CRASHING, DYING, UNBUILDABLE = "healthy", "sick", "crashing", "dying", "unbuildable"
LIVES = {HEALTHY: (0.0, 0.0), SICK: (0.0, 0.0), CRASHING: (0.04, 0.1), DYING: (3.0, 0.1)}


class Killed(BaseException):
    """kill -9: nothing of the engine may take effect after it, until the host was revived."""


def route(path: str, strip: bool = False) -> dict[str, Any]:
    return {"path": path, "strip_path": strip}


def shop_definition(in_place: bool = False) -> dict[str, Any]:
    """A stack with two web apps and a worker that must be up before the first; for `in_place` one of each kind that
    must never run twice."""
    apps: dict[str, Any] = {
        "api": {
            "context": "api",
            "port": 3000,
            "loopback_port": 21000,
            "health": "/health",
            "health_seconds": 5,
            "routes": [route("/")],
            "keys": "private",
            "after": ["mail"],
        },
        "front": {
            "context": "front",
            "port": 3000,
            "loopback_port": 21010,
            "health": "/ready",
            "health_seconds": 5,
            "routes": [route("/front", True)],
        },
        "mail": {"context": "mail", "kind": "worker", "health_seconds": 5},
    }
    if in_place:
        apps["front"]["replace"] = "stop_first"
        apps["mail"]["replace"] = "stop_first"
        apps["api"]["after"] = []
        apps["front"]["after"] = ["mail"]
    return {
        "directory": "/srv/shop",
        "environments": {"staging": {"ports": [8100]}, "production": {"ports": [8200, 80]}},
        "keys": {"mount": "/keys"},
        "env": {
            "common": {"DATABASE_URL": "db://1", "COLOUR": "blue"},
            "staging": {"PUBLIC_URL": "http://staging"},
            "production": {"PUBLIC_URL": "http://production"},
        },
        "secrets": ["DATABASE_URL"],
        "watch_seconds": 0,
        "disk_floor_gb": 1,
        "apps": apps,
    }


@dataclass
class Box:
    """A container as the fake daemon knows it. `began` is its latest start by hand or at boot."""

    id: str
    environment: str
    slot: str
    app: str
    release: str
    created_from: str
    image: str
    port: int
    began: float = 0.0
    up: bool = False
    after_reboot: bool = False
    restarts_before: int = 0


class Faults:
    """Counts every change of the world, and strikes at the one that a test has chosen."""

    def __init__(self) -> None:
        self.count = 0
        self.at = 0
        self.error: Callable[[str], BaseException] = Killed
        self.after = False
        self.lasting = False
        self.dead = False
        self.calls: list[str] = []

    def kill_at(self, number: int, after: bool = False) -> None:
        self._arm(number, Killed, after)

    def fail_at(self, number: int, *, disk: bool = False, after: bool = False, lasting: bool = False) -> None:
        """Fail the n-th change from now on; `lasting` all that follow too, as when Docker is down or the disk full."""
        self._arm(number, _disk_full if disk else _failed, after)
        self.lasting = lasting

    def disarm(self) -> None:
        self.at, self.count, self.lasting = 0, 0, False
        self.calls.clear()

    def revive(self) -> None:
        """The operation is gone and another one may begin."""
        self.dead = False
        self.disarm()

    def alive(self) -> None:
        if self.dead:
            raise Killed("after the kill")

    def _arm(self, number: int, error: Callable[[str], BaseException], after: bool) -> None:
        self.disarm()
        self.at, self.error, self.after = number, error, after

    def strike(self, what: str, after: bool) -> None:
        """Called before and after each change."""
        self.alive()
        if not after:
            self.count += 1
            self.calls.append(what)
        hit = self.count == self.at or (self.lasting and self.count > self.at)
        if hit and after == self.after:
            error = self.error(what)
            self.dead = isinstance(error, Killed)
            raise error


def _failed(what: str) -> OperationError:
    return OperationError("was made to fail", what, "by the test")


def _disk_full(what: str) -> OSError:
    return OSError(28, "No space left on device", what)


class World:
    """One host with one stack on it, and everything that can happen to it."""

    def __init__(self, directory: str, definition: dict[str, Any] | None = None) -> None:
        self.faults = Faults()
        self.stack: Stack = read_stack("shop", definition or shop_definition())
        self.places = paths.Paths(state=f"{directory}/state", locks=f"{directory}/locks")
        self.clock = FakeClock(self)
        self.docker = FakeDocker(self)
        self.switch = FakeSwitch(self)
        self.git = FakeGit(self)
        self.store = FakeStore(self)
        self.probe = FakeProbe(self)
        self.timer = FakeTimer(self)
        self.edge = FakeEdge(self)
        self.host = Host(self.docker, self.switch, self.git, self.probe, self.store, self.clock, self.timer, self.edge)
        #: What the public ports answered that they must not, at any moment.
        self.violations: list[str] = []
        #: True once images went by another hand than the engine's, and tags with them.
        self.images_lost = False
        self.numbers = itertools.count(1)
        self.commit(dict.fromkeys(self.stack.apps, HEALTHY))

    # What people do

    def commit(self, changes: Mapping[str, str]) -> str:
        """Push a commit that changes these apps, each to a source that behaves so."""
        return self.git.commit(changes)

    def request(self, name: str, **options: Any) -> Request:
        return Request(name, OPERATIONS[name], person="ann", host="desk", **options)

    def run(self, name: str, check: bool = False, **options: Any) -> runner.OperationReport | None:
        """One operation; None when it was killed."""
        number = next(self.numbers)
        request = self.request(name, **options)
        # As new_journal_path names it, but with a time that grows: operations here take no time at all.
        folder = journal.directory(self.stack.name, self.places.state)
        path = f"{folder}/{20260101000000 + number}Z-{request.environment}-{name}-{number}.jsonl"
        try:
            return runner.run(
                self.host, self.stack, request, check=check, places=self.places, journal_path="" if check else path
            )
        except Killed:
            return None

    def good(self, name: str, **options: Any) -> runner.OperationReport:
        """An operation that must succeed."""
        report = self.run(name, **options)
        assert report is not None and not report.failed, report
        return report

    def ship(self, **changes: str) -> tuple[str, str]:
        """Commit, deploy, promote: the ids of both releases."""
        self.commit(changes or {"api": HEALTHY})
        staging = self.good("deploy").release
        self.clock.time += 2
        production = self.good("promote").release
        self.clock.time += 2
        return staging, production

    def recover(self) -> list[str]:
        """What recover.yml does."""
        found = []
        for environment in ENVIRONMENTS:
            with lock.hold(
                lock.lock_path(self.stack.name, environment, self.places.locks), LockHolder.from_json({}), 0
            ):
                found += [
                    recover.recover(self.host, self.stack, record)
                    for record in journal.unfinished(self.stack.name, environment, self.places.state)
                ]
        return found

    def cool(self) -> list[str]:
        """What the timer of a warm slot does; it waits its turn, as every operation does."""
        found = []
        for environment in ENVIRONMENTS:
            with lock.hold(
                lock.lock_path(self.stack.name, environment, self.places.locks), LockHolder.from_json({}), 0
            ):
                found.append(warm_slot.cool(self.host, self.stack, environment))
        return [text for text in found if text]

    def freshen(self) -> None:
        """Every container was started a moment ago: what dies soon still has its life before it."""
        for box in self.docker.boxes:
            box.began = self.clock.time - 2 * BOOT_SECONDS

    def unfinished(self, environment: str) -> bool:
        return bool(journal.unfinished(self.stack.name, environment, self.places.state))

    # What happens to a host

    def revive(self) -> None:
        self.faults.revive()

    def reboot(self) -> None:
        """Power cut: Docker starts what was not stopped on purpose, HAProxy reads its file."""
        self.revive()
        for box in self.docker.boxes:
            if box.up:
                box.began, box.after_reboot = self.clock.time, True
        self.switch.restart()
        self.edge.restart()
        self.timer.armed.clear()
        self.store.half.clear()

    def prune(self) -> None:
        """docker system prune -af."""
        self.images_lost = True
        self.docker.boxes = [box for box in self.docker.boxes if box.up]
        used = {box.image for box in self.docker.boxes}
        self.docker.images = {name: image for name, image in self.docker.images.items() if name in used}
        self.docker.tags = {name: image for name, image in self.docker.tags.items() if image in used}

    def remove_image(self, image: str) -> None:
        """docker rmi --force, which does not touch what a running container uses."""
        if any(box.up and box.image == image for box in self.docker.boxes):
            return
        self.images_lost = True
        self.docker.images.pop(image, None)
        self.docker.tags = {name: used for name, used in self.docker.tags.items() if used != image}

    def rotate_secret(self) -> None:
        number = next(self.numbers)
        self.store.env["common"] = format_env({"DATABASE_URL": f"db://{number}", "COLOUR": "blue"}).encode()

    def change_setting(self) -> None:
        number = next(self.numbers)
        values = {"DATABASE_URL": "db://1", "COLOUR": f"c{number}"}
        self.store.env["common"] = format_env(values).encode()

    # What can be seen

    def entries(self, environment: str) -> list[Entry]:
        return [e for e in self.store.entries() if e.release.environment == environment]

    def entry(self, release: str) -> Entry:
        found = find(self.store.entries(), release)
        assert found is not None, release
        return found

    def tag(self, app: str, tag: str) -> str:
        return self.docker.tags.get(f"{app}:{tag}", "")

    def up(self, environment: str, slot: str | None = None) -> list[Box]:
        return [b for b in self.docker.boxes if b.up and b.environment == environment and slot in (None, b.slot)]

    def look(self) -> None:
        """The visitor's view, taken after every change: promise 1."""
        for environment in ENVIRONMENTS:
            live = Live.parse(self.switch.memory[environment])
            if live is None:
                continue
            entry = self.store.written.get(live.release)
            if entry is None:
                self._wrong(f"{environment} is switched to {live}, which is not in the history")
                continue
            for name in entry.release.services:
                app = self.stack.apps.get(name)
                if app is not None and app.is_web:
                    self._look_at(environment, live, app)

    def _look_at(self, environment: str, live: Live, app: App) -> None:
        box = self.docker.at_port(self.stack.loopback_port(app, environment, live.slot))
        if box is None:
            # What must never run twice has a moment without any; the switch holds its requests.
            if not app.is_replaced_in_place and not self.docker.is_bad(self.docker.named(environment, live, app.name)):
                self._wrong(f"{environment} {app.name}: nothing runs for {live}")
        elif box.release != live.release:
            self._wrong(f"{environment} {app.name}: {box.release} answers in the name of {live.release}")
        elif not (self.docker.answers(box) or box.after_reboot or app.is_replaced_in_place or self.docker.is_bad(box)):
            self._wrong(f"{environment} {app.name}: {live} does not answer yet")

    def _wrong(self, text: str) -> None:
        self.violations.append(f"after {self.faults.calls[-1:]}: {text}")

    @contextlib.contextmanager
    def change(self, what: str) -> Iterator[None]:
        """Around every change of the world: the one hook where faults strike and visitors look."""
        self.faults.strike(what, after=False)
        yield
        self.look()
        self.faults.strike(what, after=True)


class FakeClock:
    """Time that passes only when somebody waits."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.time = 1_800_000_000.0
        self.begun = self.time

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time - self.begun

    def wait(self, seconds: float) -> None:
        self.world.faults.alive()
        self.time += seconds


class FakeDocker:
    """The daemon with its images and containers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.images: dict[str, tuple[Image, str]] = {}
        self.tags: dict[str, str] = {}
        self.boxes: list[Box] = []
        self.built = 0
        self.inside = b""
        self.exported: list[list[str]] = []

    # Images

    def image(self, reference: str) -> Image | None:
        self.world.faults.alive()
        found = self.images.get(self.tags.get(reference, reference))
        return found[0] if found else None

    def image_with_label(self, label: str, value: str) -> Image | None:
        self.world.faults.alive()
        mine = [image for image, _ in self.images.values() if image.labels.get(label) == value]
        return mine[-1] if mine else None

    def tag(self, image: str, repository: str, tag: str) -> None:
        with self.world.change(f"docker tag {repository}:{tag}"):
            if image not in self.images:
                raise OperationError("Docker refused the tag", "docker", f"404 No such image: {image}")
            self.tags[f"{repository}:{tag}"] = image

    def untag(self, reference: str) -> None:
        with self.world.change(f"docker untag {reference}"):
            image = self.tags.get(reference)
            if image is not None and sum(other == image for other in self.tags.values()) > 1:
                del self.tags[reference]

    # Containers

    def containers(self, stack: str, environment: str, slot: str | None = None) -> list[Container]:
        self.world.faults.alive()
        assert stack == self.world.stack.name
        mine = [b for b in self.boxes if b.environment == environment and slot in (None, b.slot)]
        return [self._seen(box) for box in sorted(mine, key=lambda b: (b.slot, b.app))]

    def create_and_start(self, compose_file: str, project_directory: str, services: Sequence[str]) -> None:
        compose = self.world.store.files[compose_file]
        environment, slot = compose["name"].removeprefix(f"{self.world.stack.name}-").split("-")
        for box in [b for b in self.boxes if (b.environment, b.slot) == (environment, slot)]:
            if box.app not in compose["services"]:
                with self.world.change(f"docker remove orphan {box.app}"):
                    self.boxes.remove(box)
        for name in services:
            service = compose["services"][name]
            if service["image"] not in self.images:
                raise OperationError("Compose could not start the slot", compose_file, f"No such image for {name}")
            labels = service["labels"]
            port = int(service["ports"][0].split(":")[1]) if "ports" in service else 0
            box = Box(
                id=f"{next(self.world.numbers):064x}",
                environment=environment,
                slot=slot,
                app=name,
                release=labels[f"{LABEL}.id"],
                created_from=labels[f"{LABEL}.created-from"],
                image=service["image"],
                port=port,
            )
            old = next((b for b in self.boxes if (b.environment, b.slot, b.app) == (environment, slot, name)), None)
            if old is None or (old.release, old.created_from) != (box.release, box.created_from):
                with self.world.change(f"docker create {name}"):
                    self.boxes = [*(b for b in self.boxes if b is not old), box]
            else:
                box = old
            self._start(box)

    def start(self, containers: Iterable[Container]) -> None:
        for container in containers:
            self._start(self._box(container))

    def stop(self, containers: Iterable[Container], seconds: Mapping[str, int]) -> None:
        for container in containers:
            box = self._box(container)
            with self.world.change(f"docker stop {box.app} in {box.environment} {box.slot}"):
                assert seconds.get(box.app, 10) > 0
                box.up = False

    @contextlib.contextmanager
    def export(self, images: Sequence[str]) -> Iterator[IO[bytes]]:
        """One layer, with what a test has put into the images."""
        self.exported.append(list(images))
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as archive:
            info = tarfile.TarInfo("app/.env")
            info.size = len(self.inside)
            archive.addfile(info, io.BytesIO(self.inside))
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w") as archive:
            info = tarfile.TarInfo("layer.tar")
            info.size = len(layer.getvalue())
            archive.addfile(info, io.BytesIO(layer.getvalue()))
        yield io.BytesIO(whole.getvalue())

    def logs(self, container: Container, lines: int) -> list[str]:
        return [f"{container.app} says something"][:lines]

    # Builds

    def build(
        self, compose_file: str, apps: Sequence[str], fresh: bool, tell: Callable[[str], None]
    ) -> list[BuildResult]:
        results = []
        for name in apps:
            service = self.world.store.files[compose_file]["services"][name]
            behaviour = self.world.git.behaviour(name)
            if behaviour == UNBUILDABLE:
                results.append(BuildResult(name, 1.0, ok=False, step="[2/3] RUN false", log=("no such thing",)))
                continue
            source = service["build"]["labels"][f"{LABEL}.source"]
            self.built += 1 if fresh else 0
            image = "sha256:" + _hash(name, source, str(self.built) if fresh else "")
            with self.world.change(f"docker build {name}"):
                self.images[image] = (Image(image, dict(service["build"]["labels"]), 1000), behaviour)
                self.tags[service["image"]] = image
            tell(f"{name}: built")
            results.append(BuildResult(name, 1.0, ok=True))
        return results

    # How it looks from inside

    def _box(self, container: Container) -> Box:
        found = next((box for box in self.boxes if box.id == container.id), None)
        if found is None:
            raise OperationError("Docker refused", "docker", f"404 No such container: {container.id}")
        return found

    def _start(self, box: Box) -> None:
        if box.up:
            return
        with self.world.change(f"docker start {box.app} in {box.environment} {box.slot}"):
            if box.image not in self.images:
                raise OperationError("Docker refused to start", "docker", f"404 No such image: {box.image}")
            taken = self.at_port(box.port) if box.port else None
            if taken is not None:
                raise OperationError("Docker refused to start", "docker", f"500 port {box.port} is already allocated")
            twins = [b for b in self.boxes if b.up and (b.environment, b.app) == (box.environment, box.app)]
            app = self.world.stack.apps.get(box.app)
            if app is not None and app.is_replaced_in_place and twins:
                self.world.violations.append(f"{box.app} must never run twice, but did in {box.environment}")
            box.up, box.began, box.after_reboot, box.restarts_before = True, self.world.clock.time, False, 0

    def behaviour(self, box: Box) -> str:
        return self.images[box.image][1] if box.image in self.images else HEALTHY

    def is_bad(self, box: Box | None) -> bool:
        return box is not None and self.behaviour(box) != HEALTHY

    def named(self, environment: str, live: Live, app: str) -> Box | None:
        wanted = (environment, live.slot, live.release, app)
        return next((b for b in self.boxes if (b.environment, b.slot, b.release, b.app) == wanted), None)

    def at_port(self, port: int) -> Box | None:
        return next((box for box in self.boxes if box.up and box.port == port), None)

    def _life(self, box: Box) -> tuple[str, float, int]:
        """State, moment of the latest start, restarts."""
        alive, pause = LIVES[self.behaviour(box)]
        passed = self.world.clock.time - box.began
        if not box.up:
            return "exited", box.began, box.restarts_before
        if not alive:
            return "running", box.began, box.restarts_before
        rounds = int(passed // (alive + pause))
        begun = box.began + rounds * (alive + pause)
        state = "running" if self.world.clock.time - begun < alive else "restarting"
        return state, begun, box.restarts_before + rounds

    def _seen(self, box: Box) -> Container:
        state, begun, restarts = self._life(box)
        return Container(
            box.id,
            box.app,
            box.slot,
            box.release,
            box.created_from,
            box.image,
            state,
            1 if restarts else 0,
            restarts,
            written(begun),
        )

    def answers(self, box: Box) -> bool:
        state, begun, _ = self._life(box)
        return state == "running" and self.behaviour(box) != SICK and self.world.clock.time - begun >= BOOT_SECONDS


@functools.lru_cache(maxsize=1024)
def written(moment: float) -> str:
    """A moment as Docker writes it."""
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class FakeSwitch:
    """HAProxy: what its file says, and what it has in mind, which is what it does."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.file = dict.fromkeys(ENVIRONMENTS, "none/none")
        self.memory = dict(self.file)
        self.down = False
        #: Routes that feature switches have closed.
        self.shut: dict[str, dict[str, str]] = {}
        #: (environment, slot, app) to the moment when its last request ends.
        self.busy: dict[tuple[str, str, str], float] = {}

    def live(self, stack: str, environment: str) -> Live | None:
        self.world.faults.alive()
        return Live.parse(self.file[environment])

    def set_live(self, stack: str, environment: str, live: Live | None) -> None:
        text = str(live) if live else "none/none"
        with self.world.change(f"switch file {environment}"):
            self.file[environment] = text
        with self.world.change(f"switch memory {environment}"):
            self._up()
            self.memory[environment] = text

    def closed(self, stack: str, environment: str) -> dict[str, str]:
        return self.shut.get(environment, {})

    def set_closed(self, stack: str, environment: str, routes: Mapping[str, str], *, must_run: bool = True) -> None:
        self.shut[environment] = dict(routes)
        if must_run:
            self._up()

    def sessions(self, stack: str, environment: str, slot: str) -> dict[str, int]:
        self.world.faults.alive()
        self._up()
        return {
            app.name: int(self.busy.get((environment, slot, app.name), 0.0) > self.world.clock.time)
            for app in self.world.stack.web_apps
        }

    def restart(self) -> None:
        self.down = False
        self.memory = dict(self.file)

    def _up(self) -> None:
        if self.down:
            raise OperationError("the switch does not answer", "admin.sock", "connection refused")


class FakeEdge:
    """nginx: the routes in its file, and the ones it has in mind until it is told to read the file again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.file: dict[str, bytes | None] = dict.fromkeys(ENVIRONMENTS)
        self.memory: dict[str, bytes | None] = dict.fromkeys(ENVIRONMENTS)
        self.reloads = 0

    def wanted(self, stack: Stack, environment: str) -> bytes | None:
        routes = sorted(((r.path, app.name) for app in stack.web_apps for r in app.routes), reverse=True)
        return json.dumps(routes).encode()

    def live(self, stack: Stack, environment: str) -> bytes | None:
        return self.file[environment]

    def set_live(self, stack: Stack, environment: str, routes: bytes) -> None:
        if self.file[environment] == self.memory[environment] == routes:
            return
        with self.world.change(f"edge file {environment}"):
            self.file[environment] = routes
        with self.world.change(f"edge reload {environment}"):
            self.memory[environment] = routes
            self.reloads += 1

    def restart(self) -> None:
        self.memory = dict(self.file)


class FakeTimer:
    """systemd's timers; they do not survive a reboot."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.armed: dict[str, float] = {}

    def arm(self, stack: str, environment: str, seconds: float) -> None:
        with self.world.change(f"timer {environment}"):
            self.armed[environment] = self.world.clock.time + seconds

    def arm_overlap(self, stack: str, seconds: float) -> None:
        with self.world.change("timer of the overlap"):
            self.armed[f"overlap {stack}"] = self.world.clock.time + seconds

    def disarm_overlap(self, stack: str) -> None:
        with self.world.change("no timer of the overlap"):
            self.armed.pop(f"overlap {stack}", None)


class FakeGit:
    """A repository of folders, one for each app, whose source says how the app will behave."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.commits: dict[str, dict[str, str]] = {}
        self.origin: dict[str, str] = {}
        self.fetched: dict[str, str] = {}
        self.head = ""
        self.changes: list[str] = []
        self.trouble = ""
        self.offline = False

    def commit(self, changes: Mapping[str, str]) -> str:
        files = dict(self.commits.get(self.origin.get("main", ""), {}))
        number = next(self.world.numbers)
        for app, behaviour in changes.items():
            files[f"{app}/Dockerfile"] = "FROM scratch"
            files[f"{app}/main"] = f"{number}:{behaviour}"
        commit = hashlib.sha1(f"{number}".encode()).hexdigest()
        self.commits[commit] = files
        self.origin["main"] = commit
        return commit

    def behaviour(self, app: str) -> str:
        return self.commits[self.head][f"{app}/main"].partition(":")[2]

    def problem(self, stack: Stack) -> str:
        return self.trouble

    def fetch(self, stack: Stack) -> None:
        if self.offline:
            raise OperationError("git fetch failed", stack.directory, "could not resolve host", "look at the network")
        with self.world.change("git fetch"):
            self.fetched = dict(self.origin)

    def resolve(self, stack: Stack, version: str) -> str | None:
        return self.fetched.get(version) or (version if version in self.commits else None)

    def local_changes(self, stack: Stack) -> list[str]:
        return self.changes

    def tracked(self, stack: Stack, commit: str, paths: Sequence[str]) -> list[str]:
        return [f for f in self.commits[commit] if any(f == p or f.startswith(f"{p}/") for p in paths)]

    def tree(self, stack: Stack, commit: str, path: str) -> str | None:
        inside = {
            name: text
            for name, text in self.commits[commit].items()
            if path in (".", name) or name.startswith(f"{path}/")
        }
        return _hash(json.dumps(inside, sort_keys=True)) if inside else None

    def read(self, stack: Stack, commit: str, path: str) -> str | None:
        return self.commits[commit].get(path)

    def checkout(self, stack: Stack, commit: str) -> None:
        with self.world.change("git checkout"):
            self.head = commit


class FakeProbe:
    """HTTP as the apps, the switch and the edge would answer it now."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.edge_down = False

    def health(self, port: int, path: str) -> Answer:
        self.world.faults.alive()
        box = self.world.docker.at_port(port)
        if box is None:
            return Answer(0, error=f"no answer on port {port}: connection refused")
        app = self.world.stack.apps.get(box.app)
        assert app is None or path == app.health, (path, app)
        if self.world.docker.answers(box):
            return Answer(200, body="ok")
        if self.world.docker.behaviour(box) == SICK:
            return Answer(500, body="no database")
        return Answer(0, error=f"no answer on port {port}: connection reset")

    def edge(self, port: int, host: str, path: str, *, tls: bool = False) -> Answer:
        self.world.faults.alive()
        if self.edge_down:
            return Answer(0, error=f"no answer on port {port}: connection refused")
        stack = self.world.stack
        environment = next(e.name for e in stack.environments.values() if (port, tls) in e.doors)
        live = Live.parse(self.world.switch.memory[environment])
        routes: list[tuple[str, str]] = json.loads(self.world.edge.memory[environment] or b"[]")
        mine = [name for prefix, name in routes if prefix == "/" or f"{path}/".startswith(f"{prefix}/")]
        if not mine:
            return Answer(404, body="not found")
        if live is None:
            return Answer(503, body="no release")
        if mine[0] not in stack.apps:
            return Answer(503, body="the switch has no socket for it")
        app = stack.apps[mine[0]]
        flags = [
            flag
            for key, flag in self.world.switch.shut.get(environment, {}).items()
            if f"{app.name}{path}/".startswith(key)
        ]
        if flags:
            return Answer(503, live.release, "switched off", flag=flags[0])
        box = self.world.docker.at_port(stack.loopback_port(app, environment, live.slot))
        if box is None or not self.world.docker.answers(box):
            return Answer(503, live.release, "unavailable")
        return Answer(200, live.release, f"{app.name} of {box.release}")


@dataclass
class Written:
    """A release on the fake disk."""

    release: Release
    env: dict[str, bytes]
    status: str
    since: str
    via: str
    routes: bytes | None


KEY_FILES = ("jwt_private.pem", "jwt_public.pem", "jwt_public_previous.pem")


@dataclass
class FakeStore:
    """The disk: releases, slots, configuration."""

    world: World
    written: dict[str, Written] = field(default_factory=dict)
    half: set[str] = field(default_factory=set)
    env: dict[str, bytes] = field(default_factory=dict)
    keys: dict[str, bytes] = field(default_factory=lambda: dict.fromkeys(KEY_FILES, b"one"))
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    free: int = 100_000_000_000
    record: dict[str, Any] = field(default_factory=dict)
    clean: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.env = {layer: format_env(values).encode() for layer, values in self.world.stack.env.items()}

    def releases(self, stack: Stack) -> list[Entry]:
        self.world.faults.alive()
        return self.entries()

    def entries(self) -> list[Entry]:
        return [Entry(w.release, w.status, w.since, w.via) for _, w in sorted(self.written.items())]

    def write_release(self, stack: Stack, release: Release, env: Mapping[str, bytes], routes: bytes | None) -> None:
        with self.world.change("store half a release"):
            self.half.add(release.id)
        with self.world.change("store release"):
            assert release.id not in self.written
            # Through JSON, as on a disk: a release must come back as it was written.
            whole = Release.from_json(json.loads(json.dumps(release.to_json())))
            assert whole == release, "a release changes on its way through the disk"
            moment = release.id.split("-")[0]
            self.written[release.id] = Written(whole, dict(env), "prepared", moment, release.operation, routes)
            self.half.discard(release.id)

    def release_env(self, stack: Stack, release: str) -> dict[str, bytes]:
        return dict(self.written[release].env)

    def release_routes(self, stack: Stack, release: str) -> bytes | None:
        return self.written[release].routes

    def set_warm(self, stack: Stack, environment: str, note: dict[str, Any] | None) -> None:
        with self.world.change(f"store warm {environment}"):
            self.notes[environment] = note

    def warm(self, stack: Stack, environment: str) -> dict[str, Any] | None:
        return self.notes.get(environment)

    def set_status(self, stack: Stack, release: str, status: str, via: str, moment: str) -> None:
        with self.world.change(f"store status {status}"):
            entry = self.written[release]
            entry.status, entry.via, entry.since = status, via, moment

    def config_env(self, stack: Stack, environment: str) -> dict[str, bytes | None]:
        self.world.faults.alive()
        return {layer: self.env.get(layer) for layer in ("common", environment)}

    def key_fingerprints(self, stack: Stack) -> dict[str, str | None]:
        names = KEY_FILES if stack.keys else ()
        return {name: fingerprint(self.keys[name]) if name in self.keys else None for name in names}

    def write_slot(
        self, stack: Stack, environment: str, slot: str, compose: dict[str, Any], env: Mapping[str, bytes]
    ) -> None:
        with self.world.change(f"store slot {environment} {slot}"):
            assert environment in ENVIRONMENTS and slot in SLOTS
            self.files[self.slot_compose_path(stack, environment, slot)] = json.loads(json.dumps(compose))

    def slot_compose_path(self, stack: Stack, environment: str, slot: str) -> str:
        return f"/state/{environment}-{slot}/compose.json"

    def secret_record(self, stack: Stack) -> dict[str, Any]:
        return self.record

    def flags(self, stack: Stack, environment: str) -> dict[str, dict[str, Any]]:
        return {}

    def searched(self, stack: Stack) -> dict[str, str]:
        return self.clean

    def set_searched(self, stack: Stack, known: Mapping[str, str]) -> None:
        self.clean = dict(known)

    def set_secret_record(self, stack: Stack, record: dict[str, Any]) -> None:
        self.record = record

    def write_build(self, stack: Stack, compose: dict[str, Any]) -> str:
        with self.world.change("store build"):
            self.files["/state/build.json"] = json.loads(json.dumps(compose))
        return "/state/build.json"

    def free_bytes(self, path: str) -> int:
        return self.free


def one_by_one(_self: TaskPool, action: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """In place of TaskPool.all: the fakes answer at once, and a test is to do the same each time."""
    return [action(item) for item in items]


@contextlib.contextmanager
def counted_journal(world: World) -> Iterator[None]:
    """While it lasts, each line of the journal is a change too, before and after which an operation can be killed."""
    original = journal.Journal.add

    def add(self: journal.Journal, event: str, **data: Any) -> None:
        if event == "note" or self.path is None:
            original(self, event, **data)
            return
        with world.change(f"journal {event} {data.get('step', '')}".strip()):
            original(self, event, **data)

    with mock.patch.object(journal.Journal, "add", add):
        yield


def changed_stack(world: World, **apps: Mapping[str, Any]) -> Stack:
    """The world's stack with other settings for some apps, as after a change in group_vars and provision.yml."""
    mapping = world.stack.to_mapping(with_env=True)
    for name, settings in apps.items():
        mapping["apps"][name] = {**mapping["apps"].get(name, {}), **settings}
    return dataclasses.replace(read_stack("shop", mapping), name=world.stack.name)


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
