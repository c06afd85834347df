# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of an environment: what they should be, changing one after the other, putting back what fails.

Which files a service was created from is a label of its container, so Docker alone tells what there is. The files of
before stay until the service is healthy: from them and the journal an interrupted change is put back.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from ..errors import OperationError, Problem, RefusedError
from ..hints import hint, host_command
from ..planning import services
from ..planning.services import Change
from ..ports import Host
from ..process.journal import Journal
from ..releases.runtime import Answer, ServiceContainer
from ..releases.services import Wanted, service_file, slot_networks, volume_labels, wanted
from ..stack.model import EnvironmentName, Service, Stack
from . import service_builds

POLL_SECONDS = 0.3
COMMAND_SECONDS = 5.0
#: A service that restarts more often than this while it starts is crash-looping.
RESTARTS_ALLOWED = 1


class OpenChangeError(OperationError):
    """A change could neither be completed nor be put back: its journal stays open for recovery."""


def ask(host: Host, service: Service, container: ServiceContainer | None) -> Answer:
    """What a service answers to the check that its definition has; 200 is healthy."""
    if container is None:
        return Answer(0, error="no container")
    if container.state != "running":
        return Answer(0, error=container.state)
    health = service.health
    if not health.command:
        return host.probe.service(container.address, health.port, health.path)
    code, said = host.docker.run(container, health.command, COMMAND_SECONDS)
    text = "its command fails" + (f" with exit code {code}" if code > 0 else "") + (f": {said}" if said else "")
    return Answer(0, error=text) if code else Answer(200)


def is_healthy(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def answers(
    host: Host, stack: Stack, environment: EnvironmentName
) -> dict[str, tuple[ServiceContainer | None, Answer]]:
    """Each service of an environment with its container and its answer."""
    there = {container.app: container for container in host.docker.services(stack.name, environment)}
    return {
        name: (there.get(name), ask(host, service, there.get(name)))
        for name, service in stack.services_in(environment).items()
    }


def provide_volumes(host: Host, stack: Stack, environment: EnvironmentName, names: Iterable[str]) -> None:
    """Make the volumes that are not there yet."""
    for name in sorted(set(names)):
        labels = volume_labels(stack, environment, name)
        host.docker.provide_volume(stack.volume(environment, name), stack.volumes[name].user, labels)


class Services:
    """The services of one environment, as the stack wants them now."""

    def __init__(self, host: Host, stack: Stack, environment: EnvironmentName, journal: Journal) -> None:
        self.host, self.stack, self.environment, self.journal = host, stack, environment, journal
        #: Images of services that are built. Of those that are not looked for, the one that they run.
        self.built: dict[str, str] = {}
        self.block = host.store.networks().get(stack.name, {}).get(environment, "")

    def wanted(self) -> dict[str, Wanted]:
        """Raises RefusedError where the environment has no addresses yet."""
        if not self.stack.services_in(self.environment):
            return {}
        if not self.block:
            what = "has no addresses for its containers yet, so its services have no network"
            raise RefusedError([Problem(what, f"stack {self.stack.name} {self.environment}", hint("provision"))])
        layers = self.host.store.config_env(self.stack, self.environment)
        env = {layer: data for layer, data in layers.items() if data is not None}
        kept = {container.app: container.image for container in self.found()} if self._are_built() else {}
        built = {**kept, **self.built}
        return wanted(self.stack, self.environment, env, self.block, self.host.memory_bytes, built)

    def _are_built(self) -> bool:
        return any(service.context for service in self.stack.services_in(self.environment).values())

    def look_for_images(self, *, write: bool = True) -> None:
        """Find the images of services that are built, and build what is missing."""
        if self._are_built():
            names = tuple(self.stack.services_in(self.environment))
            self.built |= service_builds.resolve(
                self.host, self.stack, self.environment, names, self.journal, write=write
            )

    def found(self) -> list[ServiceContainer]:
        return self.host.docker.services(self.stack.name, self.environment)

    def changes(self) -> list[Change]:
        """Everything that differs."""
        return services.plan(self.wanted(), self.found())

    def start_missing(self) -> None:
        """For a release: start the services that do not run. Those that do are not touched."""
        if not self.stack.services_in(self.environment):
            return
        missing = services.missing(self.wanted(), self.found())
        new = [change.service for change in missing if change.action == "create"]
        if any(self.stack.services[name].context for name in new):
            self.built |= service_builds.resolve(self.host, self.stack, self.environment, new, self.journal)
            missing = services.missing(self.wanted(), self.found())
        self.carry_out(missing)

    def carry_out(self, changes: Iterable[Change]) -> None:
        """Make these changes, one after the other. The first that fails is put back and ends it; those before it are
        healthy, and stay."""
        changes, known = list(changes), self.wanted()
        # First, for this may take long or fail, and nothing has been changed yet.
        self._fetch([known[change.service] for change in changes if change.action in ("create", "replace")])
        if any(change.action in ("create", "replace") for change in changes):
            for network in slot_networks(self.stack, self.environment, self.block):
                self.host.docker.provide_network(network.name, network.subnet, network.labels)
        for change in changes:
            with self.journal.step("services", change.sentence):
                self._change(change, known.get(change.service))

    def put_back(self, change: Change) -> None:
        """Undo one change, however far it came. Can be repeated."""
        name = change.service
        if not change.was:
            self._remove(name)
        elif change.was == change.to:
            self._stop(name)
        elif not self.host.store.has_service(self.stack, self.environment, name, change.was):
            files = self._path(name, change.was)
            raise OperationError(
                f"service {name} cannot be put back", files, "its files are gone", _fix(self.environment)
            )
        else:
            self._up(name, change.was)
            self._keep(name, change.was)

    def _fetch(self, new: Iterable[Wanted]) -> None:
        for one in new:
            image = one.image
            if self.host.docker.image(image) is not None:
                continue
            if image.startswith("sha256:"):
                fix = host_command("sudo docker load --input <file>")
                raise OperationError(f"service {one.name} has no image", image, "it is not on this host", fix)
            self.journal.note(f"{one.name}: fetching {image}")
            self.host.docker.pull(image)

    def _change(self, change: Change, one: Wanted | None) -> None:
        self.journal.add("change", **asdict(change))
        try:
            if one is None:
                self._remove(change.service)
            else:
                self._make(change, one)
        except (OperationError, OSError) as error:
            self._give_up(change, one, error)
        self.journal.add("settled", service=change.service)
        # Not before: until then recovery needs the files of before.
        if change.action != "start":
            self._keep(change.service, change.to)

    def _make(self, change: Change, one: Wanted) -> None:
        if change.action == "start":
            self.host.docker.start([c for c in self.found() if c.app == change.service])
        else:
            provide_volumes(self.host, self.stack, self.environment, one.service.volumes)
            env_file = os.path.join(os.path.dirname(self._path(one.name, one.created_from)), "env")
            compose = service_file(self.stack, self.environment, one, env_file, self.block)
            self.host.store.write_service(self.stack, self.environment, one.name, one.created_from, compose, one.env)
            self._up(one.name, one.created_from)
        self._wait(one.service)

    def _give_up(self, change: Change, one: Wanted | None, error: OperationError | OSError) -> None:
        """Put a change back that failed, and raise what the failure was."""
        what = f"service {change.service} could not be changed" if change.was else f"service {change.service} failed"
        where = f"{self.stack.name} {self.environment}"
        cause = f"{error.what}: {error.cause}" if isinstance(error, OperationError) else str(error)
        log = error.log if isinstance(error, OperationError) else []
        fix = error.fix if isinstance(error, OperationError) else ""
        self.journal.note(f"failed: {cause}")
        try:
            self.put_back(change)
        except (OperationError, OSError) as trouble:
            raise OpenChangeError(
                f"{what} and could not be put back", where, f"{trouble}; before that: {cause}", hint("recover"), log=log
            ) from error
        self.journal.add("settled", service=change.service)
        after = self._as_before(one) if change.was else "it was removed again; its volumes stay"
        raise OperationError(what, where, f"{cause}; {after}", fix, log=log) from error

    def _as_before(self, one: Wanted | None) -> str:
        """What to say of a service that was put back, once it had its time to get healthy."""
        try:
            if one and any(services.is_up(c) for c in self.found() if c.app == one.name):
                self._wait(one.service)
        except OperationError as error:
            return f"it is as it was before, and not healthy either ({error.cause})"
        return "it is as it was before"

    def _wait(self, service: Service) -> None:
        clock, begun = self.host.clock, self.host.clock.monotonic()
        restarts: int | None = None
        while True:
            container = next((c for c in self.found() if c.app == service.name), None)
            answer, passed = ask(self.host, service, container), clock.monotonic() - begun
            if is_healthy(answer):
                self.journal.note(f"{service.name}: healthy after {passed:.1f} s")
                return
            restarts = container.restarts if container and restarts is None else restarts
            loops = container is not None and container.restarts - (restarts or 0) > RESTARTS_ALLOWED
            if container is None or container.state in ("exited", "dead") or loops:
                self._fail("keeps crashing", container, answer)
            if passed > service.health_seconds:
                self._fail(f"is not healthy after {service.health_seconds} s", container, answer)
            clock.wait(POLL_SECONDS)

    def _fail(self, what: str, container: ServiceContainer | None, answer: Answer) -> None:
        log = self.host.docker.logs(container, 20) if container else []
        raise OperationError(f"it {what}", f"{self.stack.name} {self.environment}", str(answer), log=log)

    def _path(self, name: str, created_from: str) -> str:
        return self.host.store.service_path(self.stack, self.environment, name, created_from)

    def _up(self, name: str, created_from: str) -> None:
        path = self._path(name, created_from)
        self.host.docker.create_and_start(path, os.path.dirname(path), [name])

    def _keep(self, name: str, created_from: str) -> None:
        self.host.store.keep_service(self.stack, self.environment, name, created_from)

    def _stop(self, name: str) -> list[ServiceContainer]:
        mine = [container for container in self.found() if container.app == name]
        known = self.stack.services.get(name)
        self.host.docker.stop([c for c in mine if services.is_up(c)], {name: known.stop_seconds if known else 10})
        return mine

    def _remove(self, name: str) -> None:
        """Stop and remove the container of a service. Its volumes stay."""
        for container in self._stop(name):
            self.host.docker.remove(container)


def _fix(environment: EnvironmentName) -> str:
    return hint("services", where=environment)


def undo(
    host: Host,
    stack: Stack,
    environment: EnvironmentName,
    open_changes: Mapping[str, Mapping[str, str]],
    journal: Journal,
) -> None:
    """For recovery: put back what an interrupted operation had begun to change."""
    mine = Services(host, stack, environment, journal)
    for data in reversed(list(open_changes.values())):
        change = Change.read(data)
        mine.put_back(change)
        journal.add("settled", service=change.service)
