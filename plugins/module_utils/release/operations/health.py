# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health of a slot's apps: wait until they are healthy, and watch that they stay healthy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ..errors import OperationError
from ..hints import hint
from ..ports import Host
from ..process.journal import Journal
from ..releases.runtime import Answer, Container
from ..stack.model import App, EnvironmentName, Slot, Stack
from ..stack.replicas import unit
from ..util.concurrency import TaskPool
from . import app_health

#: A worker that has no check of its own counts as healthy after running this long without a restart.
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
COMMAND_PAUSE_SECONDS = 0.3


class _Unit(NamedTuple):
    """A replica of an app."""

    app: App
    number: int


#: Returns the current containers of the apps.
Look = Callable[[], Iterable[Container]]


class Health:
    """The apps of one slot. `look` returns their containers."""

    def __init__(
        self,
        host: Host,
        stack: Stack,
        environment: EnvironmentName,
        slot: Slot,
        look: Look,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        self._host, self._stack, self._look = host, stack, look
        self._environment, self._slot = environment, slot
        self._counts = counts or {}
        #: When each replica was asked last, and its answer.
        self._asked: dict[str, tuple[float, Answer]] = {}

    def wait(self, apps: Iterable[App], journal: Journal) -> None:
        """Wait until each app is healthy, each of its replicas within the app's own deadline.

        Raises OperationError when one misses its deadline, and at once when one crash-loops.
        """
        self.wait_for(
            [(app, number) for app in apps for number in range(1, self._counts.get(app.name, 1) + 1)], journal
        )

    def wait_for(self, replicas: Iterable[tuple[App, int]], journal: Journal) -> None:
        """The same for some replicas of apps, by their numbers."""
        clock = self._host.clock
        waiting = {unit(app.name, number): _Unit(app, number) for app, number in replicas}
        pause = FIRST_POLL_SECONDS + POLL_SECONDS_PER_APP * len(waiting)
        begun, looked = clock.monotonic(), -LOOK_SECONDS
        containers: dict[str, Container] = {}
        restarts: dict[str, int] = {}
        with TaskPool() as at_once:
            while waiting:
                passed = clock.monotonic() - begun
                if passed - looked >= LOOK_SECONDS or not all(one.app.is_web for one in waiting.values()):
                    looked, containers = passed, {container.unit: container for container in self._look()}
                    for container in containers.values():
                        restarts.setdefault(container.id, container.restarts)
                answers = self._ask_all(waiting.values(), containers, at_once)
                for name, answer in answers.items():
                    if waiting[name].app.accepts(answer.status):
                        del waiting[name]
                        journal.note(f"{name}: healthy after {passed:.1f} s")
                for name, one in waiting.items():
                    self._give_up(one.app, containers.get(name), restarts, passed, answers[name])
                if waiting:
                    clock.wait(pause)
                    pause = min(pause * POLL_GROWTH, SLOWEST_POLL_SECONDS)

    def watch(self, seconds: float) -> None:
        """Watch the apps for a while. Raises OperationError if one stops or restarts, or does not answer at the end."""
        clock, apps = self._host.clock, self._stack.apps
        begun = list(self._look())
        before = {c.unit: (c.id, c.started) for c in begun}
        deadline = clock.monotonic() + seconds
        while clock.monotonic() < deadline:
            containers = list(self._look())
            for container in containers:
                if container.state != "running" or (container.id, container.started) != before.get(container.unit):
                    self._fail(apps[container.app], container, "died after the switch", self._exit_of(container))
                if container.health == "unhealthy":
                    said = container.health_said or "its check says no more"
                    self._fail(apps[container.app], container, "turned unhealthy, as Docker says", said)
            there = {c.unit for c in containers}
            for gone in (c for c in begun if c.unit not in there):
                self._fail(apps[gone.app], None, "has lost its container", "somebody has removed it")
            clock.wait(min(WATCH_POLL_SECONDS, max(0.0, deadline - clock.monotonic())))
        running = {c.unit: c for c in self._look()}
        with TaskPool() as at_once:
            answers = self._ask_all([_Unit(apps[c.app], c.replica) for c in running.values()], running, at_once)
        for name, answer in answers.items():
            app = apps[running[name].app]
            if not app.accepts(answer.status):
                self._fail(app, running[name], "is no longer healthy", str(answer))

    def _ask_all(
        self, units: Iterable[_Unit], containers: Mapping[str, Container], at_once: TaskPool
    ) -> dict[str, Answer]:
        """Each replica's current answer."""
        asked = {unit(one.app.name, one.number): one for one in units}
        answers = at_once.all(lambda name: self._ask(name, asked[name], containers.get(name)), list(asked))
        return dict(zip(asked, answers, strict=True))

    def _ask(self, name: str, one: _Unit, container: Container | None) -> Answer:
        app = one.app
        # A container that was kept running has proved itself already.
        if not app.is_web and container and container.state == "running" and container.up_seconds < WORKER_SECONDS:
            return Answer(0, error=container.state)
        # A command in the container costs much more than a request, so it is not run at each poll.
        is_costly = bool(app.health_command) or (container is not None and container.health == "starting")
        last = self._asked.get(name)
        now = self._host.clock.monotonic()
        if is_costly and last and now - last[0] < COMMAND_PAUSE_SECONDS:
            return last[1]
        answer = app_health.ask(
            self._host, self._stack, self._environment, self._slot, app, container, at=app_health.At(one.number)
        )
        self._asked[name] = now, answer
        return answer

    def _give_up(
        self, app: App, container: Container | None, restarts: Mapping[str, int], passed: float, answer: Answer
    ) -> None:
        """Raises OperationError if waiting longer is pointless."""
        if container is None:
            self._fail(app, None, "has no container", "somebody has removed it")
        # A container that was kept running may have restarted long ago; only restarts from now on count.
        elif container.restarts - restarts[container.id] > RESTARTS_ALLOWED or container.state in ("exited", "dead"):
            self._fail(app, container, "keeps crashing", self._exit_of(container))
        elif passed > app.health_seconds:
            why = app_health.explanation(self._host, app, container, answer)
            cause = f"{app.health}: {why}" if answer.status else why
            fix = f"let it listen on 0.0.0.0:{app.port}, or correct its `port`" if why.startswith("runs, but") else ""
            self._fail(app, container, f"is not healthy after {app.health_seconds} s", cause, fix)

    def _exit_of(self, container: Container) -> str:
        return f"exit code {self._host.docker.last_exit(container)}, {container.restarts} restarts"

    def _hint(self, app: App, container: Container) -> str:
        return hint("logs", stack=self._stack.name, app=app.name, where=self._environment, release=container.release)

    def _fail(self, app: App, container: Container | None, what: str, cause: str, fix: str = "") -> None:
        raise OperationError(
            f"app {container.unit if container else app.name} {what}",
            f"{self._environment} {self._slot}",
            cause,
            fix or (self._hint(app, container) if container else ""),
            log=self._host.docker.logs(container, 20) if container else [],
        )
