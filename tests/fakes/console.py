# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that somebody waits for: their processes in containers that run, and both sides of the waiting.

The two processes of such a command are one here: first all that sees to its end, answered by a person who waits and
does what a test says; then all that this person hears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

from fakes.faults import Killed
from release.process import guard
from release.process.guard import GoneError
from release.releases.runs import Carried, Process

if TYPE_CHECKING:
    from fakes.world import World


@dataclass
class Session:
    """A process in a container that runs."""

    container: str
    command: tuple[str, ...]
    began: float | None = None
    stopped: int | None = None


class FakeStream:
    """What nobody reads here."""

    def close(self) -> None:
        return None


@dataclass
class FakeConsole:
    """Docker's side of it, and the person's."""

    world: World
    terminal: bool = False
    lasts: float = 1.0
    code: int = 0
    sessions: dict[str, Session] = field(default_factory=dict)
    #: Every one that was started.
    begun: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    #: How often the rest of an output was carried, after the end of what wrote it.
    drained: int = 0
    #: What the person says after so many seconds: "stop", "ended" or "gone".
    says: tuple[float, str] = (1e9, "")

    def is_terminal(self) -> bool:
        return self.terminal

    def has_input(self) -> bool:
        return False

    def attach(self, container: str, *, tty: bool, reads: bool) -> FakeStream:
        return FakeStream()

    def go(self, container: str) -> None:
        one_off = self.world.one_off
        one_off.go(next(box for box in one_off.boxes if box.id == container))

    def prepare(self, container: str, command: Sequence[str], *, tty: bool, reads: bool) -> str:
        with self.world.change("docker exec create"):
            name = f"exec-{len(self.sessions)}"
            self.sessions[name] = Session(container, tuple(command))
            return name

    def begin(self, process: str, *, tty: bool) -> FakeStream:
        return FakeStream()

    def start_session(self, process: str) -> None:
        with self.world.change("docker exec start"):
            session = self.sessions[process]
            session.began = self.world.clock.time
            self.begun.append((session.container, session.command))

    def process(self, process: str) -> Process | None:
        self.world.faults.alive()
        session = self.sessions.get(process)
        if session is None:
            return None
        if session.began is None:
            return Process(False, 0, None)
        if session.stopped is not None:
            return Process(False, 1, session.stopped)
        if self.world.clock.time - session.began < self.lasts:
            return Process(True, 1, None)
        return Process(False, 1, self.code)

    def end(self, process: str, container: str, seconds: float) -> None:
        with self.world.change("end a process"):
            session = self.sessions.get(process)
            found = self.process(process)
            if session and found and found.is_up:
                assert session.container == container and seconds > 0
                session.stopped = 143

    def carry(self, stream: Any, line: int | None, *, reads: bool) -> Carried:
        if line is None:
            self.drained += 1
        return Carried("ended" if line is None else "line")

    def reboot(self) -> None:
        self.sessions.clear()


class FakeLine:
    """One end: what it is told comes from `script`; what it says is kept."""

    def __init__(self, world: World, heard: Sequence[dict[str, Any]] = (), *, is_gone: bool = False) -> None:
        self.world, self.heard, self.said, self.is_gone = world, list(heard), list[dict[str, Any]](), is_gone
        self.begun = world.clock.time

    has_message = False

    def fileno(self) -> int:
        return -1

    def send(self, event: str, **more: Any) -> None:
        self.said.append({"event": event, **more})

    def receive(self, seconds: float | None = None) -> dict[str, Any] | None:
        if self.heard:
            return self.heard.pop(0)
        if self.is_gone or seconds is None:
            raise GoneError
        return self._answer(seconds)

    def _answer(self, seconds: float) -> dict[str, Any] | None:
        """The person's answer to the one that sees to the end."""
        console = self.world.console
        if self.said and self.said[-1]["event"] == "created":
            process = str(self.said[-1]["id"])
            self.said.append({"event": "waiting"})
            if process in console.sessions:
                console.start_session(process)
            return {"event": "attached"}
        moment, what = console.says
        if self.world.clock.time - self.begun >= moment:
            console.says = (1e9, "")
            if what == "gone":
                raise GoneError
            return {"event": what}
        self.world.clock.wait(seconds)
        return None


@contextmanager
def one_process(world: World) -> Iterator[None]:
    """Within this context there are no two processes. One that is killed says nothing more."""

    def start(work: Callable[[Any], None], claimed: str) -> Any:
        line = FakeLine(world)
        try:
            work(line)
        except Killed:
            world.faults.revive()
        said = [message for message in line.said if message["event"] != "waiting"]
        return FakeLine(world, said, is_gone=True)

    with mock.patch.object(guard, "start", start):
        yield
