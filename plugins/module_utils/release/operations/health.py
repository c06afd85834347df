# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health of a slot's apps: wait until they are healthy, and watch that they stay healthy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..errors import OperationError
from ..hints import host_command
from ..ports import Host
from ..process.journal import Journal
from ..releases.runtime import Answer, Container
from ..stack.model import App, EnvironmentName, Slot, Stack
from ..util.concurrency import TaskPool

#: A worker has no health endpoint: it counts as healthy after running this long without a restart.
WORKER_SECONDS = 1.0
#: An app that restarts more often than this while starting is reported as crash-looping.
RESTARTS_ALLOWED = 1
#: The first pause between two probes, in seconds. A probe costs about 1 ms of the CPU that the apps boot on.
FIRST_POLL_SECONDS = 0.015
POLL_SECONDS_PER_APP = 0.004
SLOWEST_POLL_SECONDS = 0.3
#: Back-off factor: the longer an app takes to start, the longer the pauses may be.
POLL_GROWTH = 1.03
#: Docker is queried less often than the apps: it takes several times as long to answer.
LOOK_SECONDS = 0.25
WATCH_POLL_SECONDS = 0.5

#: Returns the current containers of the apps.
Look = Callable[[], Iterable[Container]]


class Health:
    """The apps of one slot. `look` returns their containers."""

    def __init__(self, host: Host, stack: Stack, environment: EnvironmentName, slot: Slot, look: Look) -> None:
        self._host, self._stack, self._look = host, stack, look
        self._environment, self._slot = environment, slot

    def wait(self, apps: Iterable[App], journal: Journal) -> None:
        """Wait until each app is healthy, each within its own deadline.

        Raises OperationError when an app misses its deadline, and at once when one crash-loops.
        """
        clock = self._host.clock
        waiting = {app.name: app for app in apps}
        pause = FIRST_POLL_SECONDS + POLL_SECONDS_PER_APP * len(waiting)
        begun, looked = clock.monotonic(), -LOOK_SECONDS
        containers: dict[str, Container] = {}
        restarts: dict[str, int] = {}
        with TaskPool() as at_once:
            while waiting:
                passed = clock.monotonic() - begun
                if passed - looked >= LOOK_SECONDS or not all(app.is_web for app in waiting.values()):
                    looked, containers = passed, {container.app: container for container in self._look()}
                    for container in containers.values():
                        restarts.setdefault(container.id, container.restarts)
                answers = self._ask_all(waiting.values(), containers, at_once)
                for name, answer in answers.items():
                    if 0 < answer.status < 400:
                        del waiting[name]
                        journal.note(f"{name}: healthy after {passed:.1f} s")
                for name, app in waiting.items():
                    self._give_up(app, containers.get(name), restarts, passed, answers[name])
                if waiting:
                    clock.wait(pause)
                    pause = min(pause * POLL_GROWTH, SLOWEST_POLL_SECONDS)

    def watch(self, seconds: float) -> None:
        """Watch the apps for a while. Raises OperationError if one stops or restarts, or does not answer at the end."""
        clock, apps = self._host.clock, self._stack.apps
        before = {c.app: (c.id, c.started) for c in self._look()}
        deadline = clock.monotonic() + seconds
        while clock.monotonic() < deadline:
            containers = list(self._look())
            for container in containers:
                if container.state != "running" or (container.id, container.started) != before.get(container.app):
                    self._fail(
                        apps[container.app],
                        container,
                        f"died after the switch (exit code {container.exit_code}, {container.restarts} restarts)",
                    )
            for name in before.keys() - {c.app for c in containers}:
                self._fail(apps[name], None, "has lost its container")
            clock.wait(min(WATCH_POLL_SECONDS, max(0.0, deadline - clock.monotonic())))
        web = {c.app: c for c in self._look() if apps[c.app].is_web}
        with TaskPool() as at_once:
            answers = self._ask_all([apps[name] for name in web], web, at_once)
        for name, answer in answers.items():
            if not 0 < answer.status < 400:
                self._fail(apps[name], web[name], f"is no longer healthy: {answer}")

    def _ask_all(
        self, apps: Iterable[App], containers: Mapping[str, Container], at_once: TaskPool
    ) -> dict[str, Answer]:
        """Each app's current answer."""
        asked = list(apps)
        answers = at_once.all(lambda app: self._ask(app, containers.get(app.name)), asked)
        return dict(zip([app.name for app in asked], answers, strict=True))

    def _ask(self, app: App, container: Container | None) -> Answer:
        if app.is_web:
            port = self._stack.loopback_port(app, self._environment, self._slot)
            return self._host.probe.health(port, app.health)
        if container is None:
            return Answer(0, error="no container")
        # A container that was kept running has proved itself already.
        if container.state == "running" and container.up_seconds >= WORKER_SECONDS:
            return Answer(200)
        return Answer(0, error=container.state)

    def _give_up(
        self, app: App, container: Container | None, restarts: Mapping[str, int], passed: float, answer: Answer
    ) -> None:
        """Raises OperationError if waiting longer is pointless."""
        if container is None:
            self._fail(app, None, "has no container")
        # A container that was kept running may have restarted long ago; only restarts from now on count.
        elif container.restarts - restarts[container.id] > RESTARTS_ALLOWED or container.state in ("exited", "dead"):
            self._fail(
                app, container, f"keeps crashing (exit code {container.exit_code}, {container.restarts} restarts)"
            )
        elif passed > app.health_seconds:
            self._fail(
                app, container, f"is not healthy after {app.health_seconds} s; {app.health or 'state'}: {answer}"
            )

    def _fail(self, app: App, container: Container | None, cause: str) -> None:
        raise OperationError(
            f"app {app.name} {cause.partition(';')[0]}",
            f"{self._environment} {self._slot}",
            cause,
            host_command(f"docker logs {container.id[:12]}") if container else "",
            log=self._host.docker.logs(container, 20) if container else [],
        )
