# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two processes that share a task, so that each ends what a killed one leaves: the kernel tells it at once."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from ..releases.lock_holder import LockHolder
from . import lock


class GoneError(Exception):
    """The other process has ended, or was told to, and has said nothing more."""


class Line:
    """One end of the line between the two: messages in both directions, and its end when the other one ends."""

    def __init__(self, end: socket.socket) -> None:
        self.end, self.rest = end, b""

    def fileno(self) -> int:
        return self.end.fileno()

    @property
    def has_message(self) -> bool:
        """Whether one has come already, so that there may be nothing more to wait for."""
        return b"\n" in self.rest

    def send(self, event: str, **more: Any) -> None:
        """Nothing is sent to one that is gone."""
        with contextlib.suppress(OSError):
            self.end.sendall(json.dumps({"event": event, **more}).encode() + b"\n")

    def receive(self, seconds: float | None = None) -> dict[str, Any] | None:
        """The next message, or None if there is none in time. Raises GoneError."""
        while b"\n" not in self.rest:
            if not select.select([self.end], [], [], seconds)[0]:
                return None
            try:
                part = self.end.recv(65536)
            except OSError:
                part = b""
            if not part:
                raise GoneError
            self.rest += part
        line, _end, self.rest = self.rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found


@contextlib.contextmanager
def claim(path: str, who: LockHolder) -> Iterator[None]:
    """Hold a lock that is for one task alone, in this process and in those that it starts. Its file goes with it."""
    with lock.hold(path, who, 0):
        try:
            yield
        finally:
            _drop(path)


def _drop(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def start(work: Callable[[Line], None], claimed: str) -> Line:
    """Run `work` in a process of its own, which no lost terminal ends. Returns this process's end of the line.

    It has none of this one's standard streams, and it is told of SIGTERM as of the end of this process. At its end it
    drops the file of the lock that was claimed."""
    mine, other = socket.socketpair()
    if os.fork() == 0:
        mine.close()
        _guard(work, Line(other), claimed)
    other.close()
    return Line(mine)


def _guard(work: Callable[[Line], None], line: Line, claimed: str) -> None:
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: line.end.shutdown(socket.SHUT_RD))
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        work(line)
        _drop(claimed)
        code = 0
    except BaseException as error:  # whoever waits must learn of it, whatever it was
        place = traceback.extract_tb(error.__traceback__)[-1]
        line.send("broken", text=f"{type(error).__name__} in {place.name}: {error}")
    finally:
        # Not sys.exit: that would run the other process's exit handlers, such as the removal of a module's files.
        os._exit(code)
