# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The release that is live, started afresh on migrated copies: what a rollback would do, before one is needed.

Its apps that use a copied database run as they do, with fresh and empty copies of the environment's services, in a
network that leads nowhere. Nobody is sent there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ..errors import OperationError
from ..ports import Host
from ..process.journal import Journal
from ..releases.compose import LABEL, escaped
from ..releases.one_off import one_off_file
from ..releases.rehearsed import isolated
from ..releases.release import Release
from ..releases.runs import Run, RunContainer
from ..releases.runtime import Answer
from ..releases.slot import Place, day_of, planned_slot
from ..stack.app_env import env_files, values_of
from ..stack.model import App, EnvironmentName, Slot, Stack
from . import services
from .rehearsal_runs import Network, run_name

POLL_SECONDS = 0.3
#: A worker that has no check of its own counts as well after so long.
WORKER_SECONDS = 3.0
#: A copy of a service is not waited for any longer; an app that needs it says so itself.
SERVICE_SECONDS = 30.0
LONGEST_SECONDS = 3600.0
COMMAND_SECONDS = 30.0


class OldRelease:
    """A release on copies. `env` has their addresses."""

    def __init__(
        self, host: Host, stack: Stack, release: Release, slot: Slot, env: Mapping[str, bytes], network: Network
    ) -> None:
        self.host, self.stack, self.release, self.slot = host, stack, release, slot
        self.env, self.network = dict(env), network
        self.day = day_of(release, stack)
        self.environment: EnvironmentName = release.environment

    def apps(self, databases: Collection[str]) -> list[App]:
        """Its apps that use one of these."""
        mine = [self.day.apps[name] for name in self.release.in_slot if name in self.day.apps]
        return [app for app in mine if app.database in databases]

    def sick(self, apps: Collection[App]) -> list[str]:
        """Start these apps, and say of each that does not get well why, with the last that it printed."""
        self._start_services()
        runs = {app.name: self._start(app) for app in apps}
        clock, begun = self.host.clock, self.host.clock.monotonic()
        waiting = {app.name: app for app in apps}
        answers: dict[str, Answer] = {}
        while waiting:
            there = {c.run: c for c in self.host.one_off.found(self.stack.name, self.environment)}
            passed = clock.monotonic() - begun
            for name, app in list(waiting.items()):
                container = there.get(runs[name].id)
                answers[name] = self._ask(app, container, passed)
                ended = container is None or not container.is_up
                if app.accepts(answers[name].status):
                    del waiting[name], answers[name]
                elif ended or passed > app.health_seconds:
                    answers[name] = self._told(app, answers[name], container)
                    del waiting[name]
            if waiting:
                clock.wait(POLL_SECONDS)
        return [f"{name}: {answer}" for name, answer in answers.items()]

    def _ask(self, app: App, container: RunContainer | None, passed: float) -> Answer:
        if container is None:
            return Answer(0, error="has no container")
        if not container.is_up:
            return Answer(0, error=f"ended with exit code {container.exit_code}")
        if app.is_web:
            host = self.day.health_host(app, self.environment)
            answer = self.host.probe.health(app.port, app.health, host, container.address)
            if not app.accepts(answer.status):
                return answer
        elif passed < WORKER_SECONDS:
            return Answer(0, error="has just been started")
        if app.health_command:
            code, said = self.host.docker.run(container, app.health_command, COMMAND_SECONDS)
            if code:
                return Answer(0, error=f"its health_command fails: {said}"[:300])
        return answer if app.is_web else Answer(200)

    def _told(self, app: App, answer: Answer, container: RunContainer | None) -> Answer:
        lines = self.host.one_off.output(container, 5) if container is not None else []
        said = "; it printed: " + " | ".join(line.strip() for line in lines if line.strip()) if lines else ""
        return Answer(0, error=f"{answer}{said}")

    def _new(self, app: str) -> Run:
        return Run(
            id=run_name(self.host, self.environment, app),
            stack=self.stack.name,
            environment=self.environment,
            app=app,
            release=self.release.id,
            why="rehearsal",
            begun=self.host.clock.now(),
            deadline_seconds=LONGEST_SECONDS,
            stop_seconds=1,
            keeps_log=False,
        )

    def _start(self, app: App) -> Run:
        run, store = self._new(app.name), self.host.store
        place = Place(self.slot, self.host.runs.home(run), {})
        planned = planned_slot(self.stack, self.release, place, self.env, store.key_fingerprints(self.stack))
        file = one_off_file(isolated(planned, self.network.name, self.network.gateway), run)
        values = values_of(self.day, app.name, self.environment, self.env)
        return self._go(run, file, env_files(self.day, app.name, values, self.env))

    def _go(self, run: Run, file: dict[str, Any], env: Mapping[str, bytes]) -> Run:
        # By its own name in that network: others look for it by that.
        file["services"][run.service]["networks"] = {"default": {"aliases": [run.app]}}
        self.host.runs.write(run)
        path = self.host.runs.place(run, file)
        self.host.runs.write_env(run, env)
        self.host.one_off.start(path, self.stack.directory, run.service)
        return run

    def _start_services(self) -> None:
        if not self.stack.services_in(self.environment):
            return
        wanted = services.Services(self.host, self.stack, self.environment, Journal(None, self.host.clock)).wanted()
        runs = {}
        for name, one in wanted.items():
            run = self._new(name)
            kept = {key: value for key, value in one.compose.items() if key not in ("networks", "volumes", "restart")}
            labels = {**kept["labels"], f"{LABEL}.app": name, f"{LABEL}.id": self.release.id}
            item = escaped({**kept, "labels": labels, "env_file": [f"{self.host.runs.home(run)}/env.values"]})
            slot = isolated({"name": "", "services": {name: item}}, self.network.name, self.network.gateway)
            runs[name] = self._go(run, one_off_file(slot, run), {"values": one.env})
        self._wait_for_services(runs)

    def _wait_for_services(self, runs: Mapping[str, Run]) -> None:
        deadline = self.host.clock.monotonic() + SERVICE_SECONDS
        while self.host.clock.monotonic() < deadline:
            there = {c.run: c for c in self.host.one_off.found(self.stack.name, self.environment)}
            if all(self._is_open(name, there.get(run.id)) for name, run in runs.items()):
                return
            self.host.clock.wait(POLL_SECONDS)

    def _is_open(self, name: str, container: RunContainer | None) -> bool:
        health = self.stack.services[name].health
        if container is None or not container.is_up:
            return False
        try:
            if health.command:
                return self.host.docker.run(container, health.command, COMMAND_SECONDS)[0] == 0
            return 200 <= self.host.probe.service(container.address, health.port, health.path).status < 300
        except OperationError:
            return False
