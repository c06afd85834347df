# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker daemon, its images and containers."""

from __future__ import annotations

import contextlib
import datetime
import functools
import io
import operator
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from fakes.git import digest
from release.env.env_file import parse_env
from release.errors import OperationError
from release.releases.labels import LABEL, REPLICA
from release.releases.release import Live
from release.releases.runtime import (
    BuildResult,
    Container,
    Handle,
    Image,
    ImageLayer,
    LaidOut,
    Placed,
    ServiceContainer,
)
from release.releases.services import CREATED_FROM, SERVICE
from release.stack.model import EnvironmentName, Slot
from release.stack.replicas import address, unit

if TYPE_CHECKING:
    from fakes.world import World


#: How containers are listed.
IN_ORDER = operator.attrgetter("slot", "app", "replica")
#: Seconds from the start of a container until its app answers.
BOOT_SECONDS = 0.05
#: How an image behaves once it runs: (seconds until it exits, seconds until Docker restarts it), 0 for never.
HEALTHY, SICK, CRASHING, DYING, UNBUILDABLE = "healthy", "sick", "crashing", "dying", "unbuildable"
#: Healthy, and yet it does not answer what visitors were promised: everywhere, or only where production's data is.
BREAKING, BREAKING_IN_PRODUCTION = "breaking", "breaking in production"
LIVES = {
    HEALTHY: (0.0, 0.0),
    BREAKING: (0.0, 0.0),
    BREAKING_IN_PRODUCTION: (0.0, 0.0),
    SICK: (0.0, 0.0),
    CRASHING: (0.04, 0.1),
    DYING: (3.0, 0.1),
}


@dataclass
class Box:
    """A container as the fake daemon knows it. `began` is its latest start by hand or at boot."""

    id: str
    environment: EnvironmentName
    slot: Slot
    app: str
    release: str
    created_from: str
    image: str
    port: int
    began: float = 0.0
    up: bool = False
    after_reboot: bool = False
    restarts_before: int = 0
    #: By how much the host's clock was off when it was started.
    clock_set_by: float = 0.0
    killed: bool = False
    #: Its env file, if there is a matrix.
    env: bytes = b""
    #: Which of the equal containers of its app it is.
    replica: int = 1

    @property
    def unit(self) -> str:
        return unit(self.app, self.replica)


@dataclass
class ServiceBox:
    """The container of a service. `mounted` are the volumes that it has, `networks` those that it is in."""

    id: str
    environment: EnvironmentName
    name: str
    created_from: str
    image: str
    address: str
    mounted: tuple[str, ...]
    networks: tuple[str, ...]
    up: bool = False
    began: float = 0.0
    #: How often it was stopped or replaced: apps were without it.
    gone: int = 0


class FakeDocker:
    """The daemon with its images and containers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.images: dict[str, tuple[Image, str]] = {}
        self.tags: dict[str, str] = {}
        self.boxes: list[Box] = []
        self.beside: list[ServiceBox] = []
        #: By name: the user of a volume, the labels of a network.
        self.volumes: dict[str, int] = {}
        self.networks: dict[str, dict[str, str]] = {}
        #: Images that a registry has, and those of services that never get healthy.
        self.registry: set[str] = set()
        self.sick_services: set[str] = set()
        self.built = 0
        self.inside = b""
        self.exported: list[list[str]] = []
        #: Whether layers lie in directories, one that all images share and one of each image, and those that were read.
        self.is_laid_out = False
        self.read: list[str] = []
        #: How the variables in containers differ from those they were started with.
        self.more_inside: dict[str, str] = {}
        self.missing_inside: set[str] = set()
        #: What Docker's own check says of an app, by name: its state, its last words, its command.
        self.checks: dict[str, tuple[str, str, tuple[str, ...]]] = {}
        #: What a command in an app's container ends with; and the commands that were run.
        self.ends: dict[str, tuple[int, str]] = {}
        self.ran: list[tuple[str, tuple[str, ...]]] = []
        #: Containers that Docker does not start, by their names in the slot.
        self.stuck: set[str] = set()
        #: Apps that do not end on SIGTERM.
        self.deaf: set[str] = set()

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

    def containers(self, stack: str, environment: EnvironmentName, slot: Slot | None = None) -> list[Container]:
        return [self._seen(box) for box in self._listed(stack, environment, slot)]

    def placed(self, stack: str, environment: EnvironmentName) -> list[Placed]:
        return [Placed(b.slot, b.release, self._life(b)[0]) for b in self._listed(stack, environment)]

    def _listed(self, stack: str, environment: EnvironmentName, slot: Slot | None = None) -> list[Box]:
        self.world.faults.alive()
        assert stack == self.world.stack.name
        mine = [b for b in self.boxes if b.environment == environment and (slot is None or b.slot == slot)]
        return sorted(mine, key=IN_ORDER)

    def create_and_start(self, compose_file: str, project_directory: str, services: Sequence[str]) -> None:
        compose = self.world.store.files[compose_file]
        if "-service-" in compose["name"]:
            self._up_beside(compose, services[0])
            return
        environment, slot = compose["name"].removeprefix(f"{self.world.stack.name}-").split("-")
        for box in [b for b in self.boxes if (b.environment, b.slot) == (environment, slot)]:
            if box.unit not in compose["services"]:
                with self.world.change(f"docker remove orphan {box.unit}"):
                    self.boxes.remove(box)
        for name in services:
            service = compose["services"][name]
            if service["image"] not in self.images:
                raise OperationError("Compose could not start the slot", compose_file, f"No such image for {name}")
            labels = service["labels"]
            port = int(service["ports"][0].split(":")[1]) if "ports" in service else 0
            app, number = labels[f"{LABEL}.app"], int(labels.get(REPLICA, 1))
            if "ports" in service:
                assert service["ports"][0].startswith(f"{address(number)}:"), service["ports"]
            box = Box(
                id=f"{next(self.world.numbers):064x}",
                environment=environment,
                slot=slot,
                app=app,
                release=labels[f"{LABEL}.id"],
                created_from=labels[f"{LABEL}.created-from"],
                image=service["image"],
                port=port,
                env=self.world.store.slot_env.get((environment, slot), {}).get(f"app-{app}", b""),
                replica=number,
            )
            old = next((b for b in self.boxes if (b.environment, b.slot, b.unit) == (environment, slot, name)), None)
            if old is None or (old.release, old.created_from) != (box.release, box.created_from):
                with self.world.change(f"docker create {name}"):
                    self.boxes = [*(b for b in self.boxes if b is not old), box]
            else:
                box = old
            self._start(box)

    def start(self, containers: Iterable[Handle]) -> None:
        for container in containers:
            if beside := self._service(container):
                self._start_beside(beside)
            else:
                self._start(self._box(container))

    def stop(self, containers: Iterable[Handle], seconds: Mapping[str, int]) -> None:
        for container in containers:
            if beside := self._service(container):
                with self.world.change(f"docker stop service {beside.name}"):
                    beside.up = False
                continue
            box = self._box(container)
            with self.world.change(f"docker stop {box.unit} in {box.environment} {box.slot}"):
                assert seconds.get(box.app, 10) > 0
                self.world.look_at_stop(box)
                if box.up and box.app in self.deaf:
                    self.world.clock.time += seconds[box.app]
                    box.killed = True
                box.up = False

    def laid_out(self, image: str) -> LaidOut | None:
        layers = tuple(ImageLayer(digest, f"/layers/{digest}") for digest in ("base", image))
        return LaidOut(b"{}", layers) if self.is_laid_out else None

    def layer_files(self, layer: ImageLayer) -> Iterator[tuple[str, IO[bytes] | None]]:
        """With what a test has put into the images."""
        self.read.append(layer.digest)
        yield "app/.env", io.BytesIO(b"" if layer.digest == "base" else self.inside)

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

    def environment(self, container: str) -> tuple[dict[str, str], dict[str, str]]:
        """What a container was started with, changed by a test, and what its image sets."""
        box = next(box for box in self.boxes if box.id == container)
        has = {name: value for name, value in parse_env(box.env.decode()).items() if name not in self.missing_inside}
        return {**has, "PATH": "/bin", "RELEASE_ID": "x", **self.more_inside}, {"PATH": "/bin"}

    # Services

    def services(self, stack: str, environment: EnvironmentName) -> list[ServiceContainer]:
        self.world.faults.alive()
        return [
            ServiceContainer(
                box.id,
                box.name,
                box.created_from,
                box.image,
                "running" if box.up else "exited",
                0,
                0,
                self.world.clock.time - box.began if box.up else 0.0,
                box.address if box.up else "",
            )
            for box in sorted(self.beside, key=lambda box: box.name)
            if box.environment == environment
        ]

    def remove(self, container: Handle) -> None:
        if self._service(container) is None:
            with self.world.change(f"docker remove {container.app}"):
                self.boxes = [box for box in self.boxes if box.id != container.id]
            return
        with self.world.change(f"docker remove service {container.app}"):
            self.beside = [box for box in self.beside if box.id != container.id]

    def pull(self, image: str) -> None:
        with self.world.change(f"docker pull {image}"):
            if image not in self.registry:
                raise OperationError("the image cannot be fetched", image, "not found")
            self.images[image] = (Image(image, {}, 1000), HEALTHY)

    def provide_network(self, name: str, subnet: str, labels: Mapping[str, str]) -> None:
        if name not in self.networks:
            with self.world.change(f"docker network {name}"):
                self.networks[name] = dict(labels)

    def private_network(self, name: str, subnet: str, labels: Mapping[str, str]) -> None:
        with self.world.change(f"docker network {name}"):
            assert subnet
            self.networks[name] = dict(labels)

    def remove_network(self, name: str) -> None:
        if name in self.networks:
            with self.world.change(f"docker remove network {name}"):
                del self.networks[name]

    def provide_volume(self, name: str, user: int, labels: Mapping[str, str]) -> None:
        if name not in self.volumes:
            with self.world.change(f"docker volume {name}"):
                self.volumes[name] = user

    def _up_beside(self, compose: Mapping[str, Any], name: str) -> None:
        item = compose["services"][name]
        environment = item["labels"][f"{LABEL}.environment"]
        networks = tuple(network["name"] for network in compose["networks"].values())
        mounted = tuple(compose.get("volumes", {}))
        if lost := [*(set(networks) - set(self.networks)), *(set(mounted) - set(self.volumes))]:
            raise OperationError("Compose could not start the slot", name, f"not found: {lost}")
        if item["image"] not in self.images:
            raise OperationError("Compose could not start the slot", name, "No such image")
        old = next((box for box in self.beside if (box.environment, box.name) == (environment, name)), None)
        created_from = item["labels"][CREATED_FROM]
        assert item["labels"][SERVICE] == name
        if old is None or old.created_from != created_from:
            if old is not None:
                with self.world.change(f"docker remove old service {name}"):
                    self.beside.remove(old)
            with self.world.change(f"docker create service {name}"):
                number = next(self.world.numbers)
                gone = old.gone + 1 if old else 0
                self.beside.append(
                    ServiceBox(
                        f"{number:064x}",
                        environment,
                        name,
                        created_from,
                        item["image"],
                        f"10.0.0.{number}",
                        mounted,
                        networks,
                        gone=gone,
                    )
                )
        self._start_beside(next(box for box in self.beside if (box.environment, box.name) == (environment, name)))

    def _start_beside(self, box: ServiceBox) -> None:
        if not box.up:
            with self.world.change(f"docker start service {box.name}"):
                box.up, box.began = True, self.world.clock.time

    def _service(self, container: Handle) -> ServiceBox | None:
        return next((box for box in self.beside if box.id == container.id), None)

    def service_answers(self, address: str) -> bool:
        box = next((box for box in self.beside if box.up and box.address == address), None)
        if box is None or box.image in self.sick_services or box.name in self.sick_services:
            return False
        return self.world.clock.time - box.began >= BOOT_SECONDS

    def run(self, container: Handle, command: Sequence[str], seconds: float) -> tuple[int, str]:
        self.world.faults.alive()
        self.ran.append((container.app, tuple(command)))
        unit = next((box.unit for box in self.boxes if box.id == container.id), "")
        return self.ends.get(unit, self.ends.get(container.app, (0, "")))

    def last_exit(self, container: Container) -> int:
        return container.exit_code

    def logs(self, container: Handle, lines: int) -> list[str]:
        return [f"{container.app} says something"][:lines]

    # Builds

    def build(
        self, compose_file: str, apps: Sequence[str], fresh: bool, log: Callable[[str], None]
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
            image = "sha256:" + digest(name, source, str(self.built) if fresh else "")
            with self.world.change(f"docker build {name}"):
                self.images[image] = (Image(image, dict(service["build"]["labels"]), 1000), behaviour)
                self.tags[service["image"]] = image
            log(f"{name}: built")
            results.append(BuildResult(name, 1.0, ok=True))
        return results

    # Behaviour of the apps inside

    def _box(self, container: Handle) -> Box:
        found = next((box for box in self.boxes if box.id == container.id), None)
        if found is None:
            raise OperationError("Docker refused", "docker", f"404 No such container: {container.id}")
        return found

    def _start(self, box: Box) -> None:
        if box.up:
            return
        with self.world.change(f"docker start {box.unit} in {box.environment} {box.slot}"):
            if box.image not in self.images:
                raise OperationError("Docker refused to start", "docker", f"404 No such image: {box.image}")
            if box.unit in self.stuck:
                raise OperationError("Docker refused to start", "docker", "500 no memory")
            taken = self.at_port(box.port, box.replica) if box.port else None
            if taken is not None:
                raise OperationError("Docker refused to start", "docker", f"500 port {box.port} is already allocated")
            twins = [b for b in self.boxes if b.up and (b.environment, b.app) == (box.environment, box.app)]
            apps = [self.world.app_of(b.release, b.app) for b in (box, *twins)]
            if twins and any(app is not None and app.is_replaced_in_place for app in apps):
                self.world.violations.append(f"{box.app} must never run twice, but did in {box.environment}")
            box.killed = False
            box.up, box.began, box.after_reboot, box.restarts_before = True, self.world.clock.time, False, 0
            box.clock_set_by = self.world.clock.set_by

    def behaviour(self, box: Box) -> str:
        return self.images[box.image][1] if box.image in self.images else HEALTHY

    def is_bad(self, box: Box | None) -> bool:
        return box is not None and self.behaviour(box) != HEALTHY

    def named(self, environment: EnvironmentName, live: Live, app: str) -> Box | None:
        wanted = (environment, live.slot, live.release, app)
        return next((b for b in self.boxes if (b.environment, b.slot, b.release, b.unit) == wanted), None)

    def at_port(self, port: int, number: int = 1) -> Box | None:
        """Who has a port on the loopback address of a replica, as whoever connects to it now sees it."""
        if not port or self.world.intake.refuses(port):
            return None
        # No generator: this is asked after every change, for every app.
        for box in self.boxes:
            if box.port == port and box.up and box.replica == number:
                return box
        return None

    def _life(self, box: Box) -> tuple[str, float, int]:
        """State, time of the latest start, restarts."""
        if not box.up:
            return "exited", box.began, box.restarts_before
        alive, pause = LIVES[self.behaviour(box)]
        if not alive:
            return "running", box.began, box.restarts_before
        passed = self.world.clock.time - box.began
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
            137 if box.killed else 1 if restarts else 0,
            restarts,
            written(begun + box.clock_set_by),
            self.world.clock.time - begun if state == "running" else 0.0,
            *self.checks.get(box.app, ("", "", ())),
            pid=int(box.up),
            replica=box.replica,
        )

    def answers(self, box: Box) -> bool:
        state, begun, _ = self._life(box)
        return state == "running" and self.behaviour(box) != SICK and self.world.clock.time - begun >= BOOT_SECONDS


@functools.lru_cache(maxsize=1024)
def written(moment: float) -> str:
    """A moment as Docker writes it."""
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
