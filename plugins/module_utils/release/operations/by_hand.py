# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands by hand: in a new container of a release, beside its slot, or in a container that runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import OperationError, Problem, RefusedError
from ..planning import by_hand
from ..planning.by_hand import Asked
from ..ports import Host, StreamPort
from ..process import lock
from ..process.guard import Line
from ..releases.runs import Run, RunContainer
from ..stack.model import EnvironmentName, Stack
from . import attended, one_off, redaction, run_sources
from .attended import END_SECONDS, Redact, WakingClock, hear
from .run_sources import Source

ATTACH_SECONDS = 60
SLOWEST_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Console:
    """What whoever waits has: a terminal or pipes, or nothing but the record."""

    is_attached: bool = False
    tty: bool = False
    reads: bool = False


def console(host: Host) -> Console:
    """That of this process."""
    return Console(is_attached=True, tty=host.console.is_terminal(), reads=host.console.has_input())


def preview(host: Host, stack: Stack, asked: Asked) -> list[str]:
    """What `run` would do. Raises RefusedError."""
    return by_hand.preview(asked, run_sources.find(host, stack, asked).run)


def run(host: Host, stack: Stack, asked: Asked, mine: Console) -> tuple[Run, int]:
    """Run a command in a new container of a release, and wait for its end. Returns its record, and the signal that
    told this process to stop. Raises RefusedError, or OperationError if it did not come to its end."""
    source = run_sources.find(host, stack, asked)
    attended.sweep(host, stack)
    redact = redaction.redactor(host, stack)
    wanted = dataclasses.replace(source.run, reason=redact(asked.reason), keeps_log=not mine.is_attached)
    limits = by_hand.limits(tty=mine.tty, reads=mine.reads, keeps_log=wanted.keeps_log)

    def work(line: Line) -> None:
        boxes = _Attached(host, stack, source, line, mine)
        seen = dataclasses.replace(host, clock=WakingClock(host.clock, line), one_off=boxes)
        attended.see_to(
            host,
            wanted,
            line,
            lambda: one_off.carry_out(seen, stack, source.compose, wanted, limits=limits, redact=redact),
            redact,
        )

    def opens(message: Mapping[str, Any]) -> StreamPort | None:
        return host.console.attach(str(message["id"]), tty=mine.tty, reads=mine.reads) if mine.is_attached else None

    who = lock.this_process("run", asked.person, asked.host, host.clock.now(), wanted.reason)
    return attended.attend(host, wanted, who, work, opens, redact, reads=mine.reads)


class _Attached:
    """One-off containers that start once whoever waits is attached, so that not a byte is missed."""

    def __init__(self, host: Host, stack: Stack, source: Source, line: Line, mine: Console) -> None:
        self.host, self.stack, self.source, self.line, self.mine = host, stack, source, line, mine

    def start(self, compose_file: str, project_directory: str, service: str) -> None:
        boxes, run = self.host.one_off, self.source.run
        self.host.runs.write_env(run, self.source.env)
        container = boxes.create(compose_file, project_directory, service, reads=self.mine.reads)
        if not run_sources.is_still(self.host, self.stack, self.source):
            what, fix = f"{run.environment} has changed its release meanwhile", "try again"
            raise OperationError("nothing was run", run.app, what, fix)
        self.line.send("created", id=container)
        if hear(self.line, ATTACH_SECONDS) != "attached":
            raise OperationError("nothing was run", run.app, "nobody came to wait for it", "try again")
        self.host.console.go(container)
        self.line.send("started")

    def create(self, compose_file: str, project_directory: str, service: str, *, reads: bool) -> str:
        return self.host.one_off.create(compose_file, project_directory, service, reads=reads)

    def found(self, stack: str, environment: EnvironmentName) -> list[RunContainer]:
        return self.host.one_off.found(stack, environment)

    def stop(self, container: RunContainer, seconds: int) -> None:
        self.host.one_off.stop(container, seconds)

    def output(self, container: RunContainer, lines: int, *, only_stdout: bool = False) -> list[str]:
        return self.host.one_off.output(container, lines, only_stdout=only_stdout)

    def remove(self, container: RunContainer) -> None:
        self.host.one_off.remove(container)


def execute(host: Host, stack: Stack, asked: Asked, mine: Console) -> tuple[Run, int]:
    """Run a command in a container that runs, and wait for its end. Returns and raises as `run` does."""
    wanted = run_sources.find_running(host, stack, asked)
    attended.sweep(host, stack)
    redact = redaction.redactor(host, stack)
    wanted = dataclasses.replace(wanted, reason=redact(asked.reason), keeps_log=False)

    def work(line: Line) -> None:
        seen = dataclasses.replace(host, clock=WakingClock(host.clock, line))
        attended.see_to(host, wanted, line, lambda: _execute(seen, wanted, line, mine, redact), redact)

    def opens(message: Mapping[str, Any]) -> StreamPort | None:
        return host.console.begin(str(message["id"]), tty=mine.tty)

    who = lock.this_process("exec", asked.person, asked.host, host.clock.now(), wanted.reason)
    return attended.attend(host, wanted, who, work, opens, redact, reads=mine.reads)


def _execute(host: Host, run: Run, line: Line, mine: Console, redact: Redact) -> Run:
    run = dataclasses.replace(run, begun=host.clock.now(), started=True)
    process = host.console.prepare(run.container, run.command, tty=mine.tty, reads=mine.reads)
    run = dataclasses.replace(run, process=process)
    # Before it begins, so that whoever comes after a kill knows what to end.
    host.runs.write(run)
    host.runs.place(run, {})
    line.send("created", id=process)
    if hear(line, ATTACH_SECONDS) != "attached":
        raise OperationError("nothing was run", run.app, "nobody came to wait for it", "try again")
    until, pause = host.clock.monotonic() + run.deadline_seconds, END_SECONDS
    while (found := host.console.process(process)) is not None and (found.is_up or found.has_not_begun):
        if host.clock.monotonic() >= until:
            what = f"was stopped: it had not ended after {run.deadline_seconds:g} s"
            return attended.end_exec(host, run, "timed_out", what, redact)
        host.clock.wait(min(pause, max(0.0, until - host.clock.monotonic())))
        pause = min(2 * pause, SLOWEST_LOOK_SECONDS)
    code = found.exit_code if found else None
    if code is None:
        return attended.end_exec(host, run, "interrupted", "its container has gone, and the process with it", redact)
    return attended.end_exec(host, run, "failed" if code else "succeeded", f"exit code {code}" if code else "", redact)


def exit_code(run: Run, signal: int) -> int:
    """What a shell is told: the command's own code where it came to its end."""
    if signal:
        return 128 + signal
    if run.outcome == "timed_out":
        return by_hand.TIMED_OUT
    return by_hand.FAILED if run.exit_code is None else run.exit_code


def problems_of(error: RefusedError | OperationError) -> list[str]:
    """What is to be said of a command that was not run, or not to its end."""
    found: tuple[Problem, ...] = error.problems if isinstance(error, RefusedError) else ()
    return [f"problem: {problem}" for problem in found] or [f"failed: {error}"]
