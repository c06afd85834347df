# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that run once, and the records of their runs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from release.errors import OperationError
from release.releases.compose import LABEL
from release.releases.jobs import JobNote
from release.releases.runs import BY_HAND, OF_REHEARSALS, RUN, Run, RunContainer, record_of
from release.stack.model import EnvironmentName

if TYPE_CHECKING:
    from fakes.world import World


@dataclass
class RunBox:
    """The container of a run; `lasts` is for how long it goes, `code` what it ends with."""

    id: str
    environment: EnvironmentName
    app: str
    run: str
    release: str
    image: str
    item: Mapping[str, Any]
    network: str
    lasts: float
    code: int
    began: float | None = None
    #: When it was stopped, and with which code.
    stopped: tuple[float, int] | None = None
    #: Of one that asks or changes a database: what it prints, and what becomes true once it has ended by itself.
    prints: list[str] | None = None
    to: str | None = None


@dataclass
class FakeOneOff:
    """One-off containers of the fake daemon."""

    world: World
    boxes: list[RunBox] = field(default_factory=list)
    #: By app: for how long it goes, and its exit code.
    ends: dict[str, tuple[float, int]] = field(default_factory=dict)
    #: Runs that do not end on SIGTERM.
    deaf: set[str] = field(default_factory=set)
    prints: list[str] = field(default_factory=list)
    asked: int = 0
    #: Every run that was ever started, as app, environment and release; in order.
    started: list[tuple[str, str, str]] = field(default_factory=list)

    def create(self, compose_file: str, project_directory: str, service: str, *, reads: bool) -> str:
        box = self._create(compose_file, service)
        assert box.item["stdin_open"] or not reads
        return box.id

    def start(self, compose_file: str, project_directory: str, service: str) -> None:
        self.go(self._create(compose_file, service))

    def _create(self, compose_file: str, service: str) -> RunBox:
        compose = self.world.runs.files[compose_file]
        item = compose["services"][service]
        labels = item["labels"]
        box = next((box for box in self.boxes if box.run == labels[RUN]), None)
        if item["image"] not in self.world.docker.images:
            raise OperationError("Compose could not start the slot", compose_file, "No such image")
        app, environment = labels[f"{LABEL}.app"], labels[f"{LABEL}.environment"]
        if box is None:
            with self.world.change(f"docker create run of {app}"):
                lasts, code = self.ends.get(app, (1.0, 0))
                if self._is_rehearsed_app(labels[RUN]):
                    lasts = math.inf
                box = RunBox(
                    id=f"{next(self.world.numbers):064x}",
                    environment=environment,
                    app=app,
                    run=labels[RUN],
                    release=labels[f"{LABEL}.id"],
                    image=item["image"],
                    item=item,
                    network=compose["networks"]["default"]["name"],
                    lasts=lasts,
                    code=code,
                )
                self.boxes.append(box)
        return box

    def go(self, box: RunBox) -> None:
        app, environment = box.app, box.environment
        with self.world.change(f"docker start run of {app}"):
            known = self.world.runs.records("shop")
            by_hand = [run.id for run in known if run.why in (*BY_HAND, *OF_REHEARSALS)]
            up = [b for b in self.boxes if (b.environment, b.app) == (environment, app) and self._is_up(b)]
            # People may run as many as they like.
            twins = [b for b in up if b.run not in by_hand and not self.world.databases.is_question(b)]
            if twins and box.run not in by_hand and not self.world.databases.is_question(box):
                self.world.violations.append(f"{app} ran twice at the same time in {environment}")
            if box.began is not None:
                self.world.violations.append(f"{box.run} was started twice")
            box.began = self.world.clock.time
            self.world.databases.go(box)
            self.started.append((app, environment, box.release))

    def found(self, stack: str, environment: EnvironmentName) -> list[RunContainer]:
        self.world.faults.alive()
        self.asked += 1
        assert stack == self.world.stack.name
        return [self._seen(box) for box in self.boxes if box.environment == environment]

    def stop(self, container: RunContainer, seconds: int) -> None:
        with self.world.change(f"docker stop run of {container.app}"):
            assert seconds > 0
            box = next(box for box in self.boxes if box.id == container.id)
            if self._is_up(box):
                is_deaf = box.app in self.deaf
                self.world.clock.time += seconds if is_deaf else 0
                box.stopped = (self.world.clock.time, 137 if is_deaf else 143)

    def output(self, container: RunContainer, lines: int, *, only_stdout: bool = False) -> list[str]:
        box = next(box for box in self.boxes if box.id == container.id)
        if box.prints is not None:
            return ([] if only_stdout else ["INFO connecting to db://1"]) + box.prints
        return (self.prints or [f"{container.app} printed something"])[:lines]

    def remove(self, container: RunContainer) -> None:
        with self.world.change(f"docker remove run of {container.app}"):
            self.boxes = [box for box in self.boxes if box.id != container.id]

    def _is_rehearsed_app(self, run: str) -> bool:
        """One of the release before, which goes on until it is stopped."""
        known = self.world.runs.record("shop", run)
        return known is not None and known.why == "rehearsal" and not known.command

    def address(self, box: RunBox) -> str:
        return f"10.9.9.{self.boxes.index(box) + 2}"

    def at_address(self, address: str) -> RunBox | None:
        return next((box for box in self.boxes if self._is_up(box) and self.address(box) == address), None)

    def reboot(self) -> None:
        """What ran is gone with the power, and is not started again."""
        for box in self.boxes:
            if self._is_up(box):
                box.stopped = (self.world.clock.time, 255)

    def _is_up(self, box: RunBox) -> bool:
        return self._seen(box).is_up

    def _seen(self, box: RunBox) -> RunContainer:
        if box.began is None:
            state, code = "created", 0
        elif box.stopped is not None:
            state, code = "exited", box.stopped[1]
        elif self.world.clock.time - box.began < box.lasts:
            state, code = "running", 0
        else:
            state, code = "exited", box.code
            self.world.databases.ended(box)
        return RunContainer(box.id, box.app, box.run, state, code, self.address(box))


@dataclass
class FakeRuns:
    """The records of runs."""

    world: World
    known: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The same as they are read again.
    read: dict[str, Run] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    set_notes: dict[tuple[str, str], JobNote] = field(default_factory=dict)

    def records(self, stack: str) -> list[Run]:
        self.world.faults.alive()
        return [run for _, run in sorted(self.read.items(), reverse=True)]

    def record(self, stack: str, run: str) -> Run | None:
        self.world.faults.alive()
        return self.read.get(run)

    def write(self, run: Run) -> None:
        with self.world.change(f"store run of {run.app}: {run.outcome}"):
            before = self.read.get(run.id)
            assert before is None or not before.is_over, "the record of a run that was over is written again"
            self.known[run.id] = json.loads(json.dumps(run.to_json()))
            again = record_of(self.known[run.id])
            assert again is not None, "a run cannot be read any more"
            self.read[run.id] = again

    def place(self, run: Run, compose: Mapping[str, Any]) -> str:
        path = f"/state/runs/{run.id}/compose.json"
        with self.world.change(f"store files of the run of {run.app}"):
            self.files[path] = json.loads(json.dumps(compose))
        return path

    def write_env(self, run: Run, env: Mapping[str, bytes]) -> None:
        with self.world.change(f"store env of the run of {run.app}"):
            self.files |= {f"{self.home(run)}/env.{name}": {"": data.decode()} for name, data in env.items()}

    def home(self, run: Run) -> str:
        return f"/state/runs/{run.id}"

    def going(self, stack: str) -> list[Run]:
        return [
            run for run in self.records(stack) if not run.is_over and f"{self.home(run)}/compose.json" in self.files
        ]

    def clear(self, run: Run) -> None:
        if not any(f"/{run.id}/" in path for path in self.files):
            return
        with self.world.change(f"remove files of the run of {run.app}"):
            self.files = {path: file for path, file in self.files.items() if f"/{run.id}/" not in path}

    def notes(self, stack: str) -> dict[tuple[str, str], JobNote]:
        return dict(self.set_notes)

    def set_note(self, stack: str, environment: EnvironmentName, job: str, note: JobNote) -> None:
        with self.world.change(f"store note of {job}"):
            self.set_notes[environment, job] = note


@dataclass
class FakeSchedule:
    """systemd's timers of jobs; these survive a reboot. A schedule fires at each whole hour."""

    world: World
    timers: dict[str, dict[str, str]] = field(default_factory=dict)
    #: How often systemd was asked or told anything.
    asked: int = 0
    unknown: set[str] = field(default_factory=set)

    def provide(self, stack: str, environment: EnvironmentName, schedules: Mapping[str, str]) -> bool:
        self.world.faults.alive()
        self.asked += 1
        if self.timers.get(environment, {}) == dict(schedules):
            return False
        with self.world.change(f"schedules of {environment}"):
            self.timers[environment] = dict(schedules)
        return True

    def upcoming(self, schedule: str, after: float, number: int) -> list[float]:
        self.asked += 1
        if schedule in self.unknown:
            raise OperationError("systemd does not take the schedule", schedule, "Invalid argument")
        first = int(after // 3600) + 1
        return [3600.0 * hour for hour in range(first, first + number)]
