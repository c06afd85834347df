# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that somebody waits for, in two processes: one has the person's terminal, the other sees to its end.

Whichever of them is killed, the other one learns of it from the kernel, and leaves nothing behind. If both are, a lock
that nobody holds any more tells whoever comes next.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import OperationError, RefusedError
from ..hints import host_command
from ..ports import ClockPort, Host, StreamPort
from ..process import guard, lock
from ..process.guard import GoneError, Line
from ..releases.lock_holder import LockHolder
from ..releases.runs import BY_HAND, Outcome, Run
from ..stack.model import Stack
from ..util.printable import shortened
from . import one_off, redaction
from .one_off import InterruptedRunError

Redact = Callable[[str], str]
#: How soon the end of a process follows that of its output, as a rule.
END_SECONDS = 0.05
#: For what follows the time that a process has to end.
MARGIN_SECONDS = 120
NOBODY_WAITS = "was stopped: nobody waited for it any more"


class WakingClock:
    """The clock of the process that sees to the end: it does not sleep through what the other one says."""

    def __init__(self, clock: ClockPort, line: Line) -> None:
        self.clock, self.line, self.output_has_ended = clock, line, False

    def now(self) -> float:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.monotonic()

    def wait(self, seconds: float) -> None:
        if hear(self.line, min(seconds, END_SECONDS) if self.output_has_ended else seconds) == "ended":
            self.output_has_ended = True


def hear(line: Line, seconds: float) -> str:
    """What the one who waits says; empty for nothing. Raises InterruptedRunError if it is gone or wants no more."""
    try:
        found = line.receive(seconds)
    except GoneError:
        raise InterruptedRunError from None
    event = str(found["event"]) if found else ""
    if event == "stop":
        raise InterruptedRunError
    return event


def see_to(host: Host, run: Run, line: Line, work: Callable[[], Run], redact: Redact) -> None:
    """In the process that sees to the end: do the work, tidy up whatever happens, and tell the one who waits."""
    try:
        ended = work()
    except InterruptedRunError:
        ended = settle(host, run, redact)
    except (OperationError, RefusedError) as error:
        settle(host, run, redact)
        said = "\n".join([str(error), *getattr(error, "log", [])])
        line.send("failed", text="\n".join(redact(text) for text in said.splitlines()))
        return
    except OSError as error:
        # The record could not be written, so the disk comes before the order of things.
        remove(host, run)
        with contextlib.suppress(OSError):
            settle(host, run, redact)
        fix = host_command("df -h")
        line.send("failed", text=f"the record of this run cannot be written, so it was ended: {error}. Fix: {fix}")
        return
    line.send("over", run=ended.to_json())


def attend(
    host: Host,
    run: Run,
    who: LockHolder,
    work: Callable[[Line], None],
    opens: Callable[[Mapping[str, Any]], StreamPort | None],
    redact: Redact,
    *,
    reads: bool = False,
) -> tuple[Run, int]:
    """In the process that waits: start the other one, carry input and output. Returns the record of the run, and the
    number of the signal that told this process to stop. Raises OperationError."""
    path = lock_of(host, run)
    # It is imported at its first use, and that must be here: a forked process waits for ever for a module that comes
    # over its parent's connection, as under Mitogen.
    host.console.is_terminal()
    with guard.claim(path, who):
        line = guard.start(work, path)
        try:
            return _Attendant(host, line, opens, reads).run(run.stop_seconds + MARGIN_SECONDS)
        except GoneError:
            settle(host, run, redact)
            what = "the engine was killed while it ran; it was stopped and removed"
            raise OperationError(what, run.id, "its process is gone", "try again") from None


class _Attendant:
    def __init__(
        self, host: Host, line: Line, opens: Callable[[Mapping[str, Any]], StreamPort | None], reads: bool
    ) -> None:
        self.host, self.line, self.opens, self.reads = host, line, opens, reads
        self.stream: StreamPort | None = None
        self.told, self.is_gone = 0, False

    def run(self, seconds: float) -> tuple[Run, int]:
        while True:
            # With nobody left it waits for the end alone: it would be told of that again and again.
            if not self.is_gone and not self.line.has_message and not self._carry():
                continue
            message = self.line.receive(seconds if self.is_gone else None)
            if message is None:
                raise GoneError
            event = message["event"]
            if event == "over":
                self._drain()
                return Run.from_json(message["run"]), self.told
            if event in ("failed", "broken"):
                raise OperationError("the command did not run to its end", "run", str(message["text"]))
            if event == "created":
                self._open(message)

    def _carry(self) -> bool:
        """Returns whether there is something to be heard."""
        carried = self.host.console.carry(self.stream, self.line.fileno(), reads=self.reads)
        if carried.why == "told":
            self.told, self.is_gone = self.told or carried.signal, carried.is_gone
            self.line.send("stop")
        elif carried.why == "ended":
            self._close()
            self.line.send("ended")
        return self.is_gone or carried.why == "line"

    def _drain(self) -> None:
        """What the command has written and nobody has read yet: who reads may be slower than it was."""
        if self.stream is not None and not self.is_gone:
            carried = self.host.console.carry(self.stream, None, reads=False)
            self.told = self.told or carried.signal
            self._close()

    def _open(self, message: Mapping[str, Any]) -> None:
        try:
            self.stream = self.opens(message)
        except OperationError:
            self.line.send("stop")
            raise
        self.line.send("attached")

    def _close(self) -> None:
        if self.stream is not None:
            self.stream.close()
        self.stream = None


def lock_of(host: Host, run: Run) -> str:
    return lock.lock_path(run.stack, f"run-{run.id}", host.paths.locks)


def settle(host: Host, run: Run, redact: Redact) -> Run:
    """End a run that nobody waits for any more, however far it came. Can be repeated. Returns its record."""
    known = host.runs.record(run.stack, run.id)
    if known is None:
        remove(host, run)
        return dataclasses.replace(run, ended=host.clock.now(), outcome="interrupted", message=NOBODY_WAITS)
    if known.is_over:
        remove(host, run)
        return known
    if known.why == "exec":
        return end_exec(host, known, "interrupted", NOBODY_WAITS, redact)
    return one_off.give_up(host, known, NOBODY_WAITS, redact)


def end_exec(host: Host, run: Run, outcome: Outcome, message: str, redact: Redact) -> Run:
    """Write the end of a command in a container that runs; what is left of it ends first."""
    if run.process:
        host.console.end(run.process, run.container, run.stop_seconds)
    found = host.console.process(run.process) if run.process else None
    code = found.exit_code if found else None
    said = shortened(redact(message))
    ended = dataclasses.replace(run, ended=host.clock.now(), exit_code=code, outcome=outcome, message=said)
    host.runs.write(ended)
    host.runs.clear(ended)
    return ended


def remove(host: Host, run: Run) -> None:
    """Remove what a run has on the host, whatever its record says."""
    mine = [found for found in host.one_off.found(run.stack, run.environment) if found.run == run.id]
    for container in mine:
        if container.is_up:
            host.one_off.stop(container, run.stop_seconds)
        host.one_off.remove(container)
    host.runs.clear(run)


def left_behind(host: Host, stack: Stack) -> list[Run]:
    """What was begun by hand and has nobody who waits for it: both its processes were killed, or the host was."""
    known = host.runs.records(stack.name)
    mine = [run for run in known if run.why in BY_HAND and not run.is_over]
    return [run for run in mine if lock.holder(lock_of(host, run)) is None]


def sweep(host: Host, stack: Stack) -> list[str]:
    """End what was left behind by hand. Returns a sentence for each."""
    told = []
    for run in left_behind(host, stack):
        who = lock.this_process("recover", "root", "", host.clock.now())
        with contextlib.suppress(RefusedError), guard.claim(lock_of(host, run), who):
            ended = settle(host, run, redaction.redactor(host, stack))
            told.append(f"{run.environment} {run.app}: {run.why} by {run.person} was left behind; {ended.message}")
    return told
