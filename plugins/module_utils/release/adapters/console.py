# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that a person waits for: in a container of their own, which they are attached to, or in one that runs."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import urllib.parse
from collections.abc import Sequence
from typing import Any

from ..errors import OperationError
from ..releases.runs import Carried, Process
from .docker import Docker
from .docker_stream import Stream
from .processes import members
from .terminal import Terminal

#: Docker's own would swallow Ctrl-P. Nobody types these by chance, and whoever does goes on waiting.
DETACH_KEYS = "ctrl-^,ctrl-],ctrl-^,ctrl-]"
#: Between the request that starts a process and the process.
_APPEARS_SECONDS = 1.0
_POLL_SECONDS = 0.05


class Console:
    """Processes in containers, and the terminal or pipes of this one."""

    def __init__(self, docker: Docker, terminal: Terminal | None = None) -> None:
        self.docker, self.terminal = docker, terminal or Terminal()

    def is_terminal(self) -> bool:
        return self.terminal.is_terminal()

    def has_input(self) -> bool:
        return self.terminal.has_input()

    def attach(self, container: str, *, tty: bool, reads: bool) -> Stream:
        """The streams of a container that has yet to start, so that nothing it writes is missed."""
        query = {"stream": "1", "stdin": str(int(reads)), "stdout": "1", "stderr": "1", "detachKeys": DETACH_KEYS}
        place = f"/containers/{container}"
        return self._open(f"{place}/attach?{urllib.parse.urlencode(query)}", None, tty, place)

    def go(self, container: str) -> None:
        self.docker.expect("POST", f"/containers/{container}/start")

    def prepare(self, container: str, command: Sequence[str], *, tty: bool, reads: bool) -> str:
        """Describe a process to Docker: these words, as the container's own user and with its own rights."""
        body = {
            "Cmd": list(command),
            "AttachStdin": reads,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": tty,
            "DetachKeys": DETACH_KEYS,
        }
        status, made = self.docker.call("POST", f"/containers/{container}/exec", body=body)
        if status >= 400 or not isinstance(made, dict):
            said = made.get("message", made) if isinstance(made, dict) else made
            raise OperationError("the command cannot be run there", "docker", str(said))
        return str(made["Id"])

    def begin(self, process: str, *, tty: bool) -> Stream:
        body: dict[str, Any] = {"Detach": False, "Tty": tty}
        if tty:
            body["ConsoleSize"] = list(self.terminal.size())
        place = f"/exec/{process}"
        return self._open(f"{place}/start", body, tty, place)

    def process(self, process: str) -> Process | None:
        """None once Docker has forgotten it, as it does with its container."""
        status, data = self.docker.call("GET", f"/exec/{process}/json")
        if status >= 400 or not isinstance(data, dict):
            return None
        code = data.get("ExitCode")
        return Process(bool(data.get("Running")), int(data.get("Pid") or 0), None if code is None else int(code))

    def end(self, process: str, container: str, seconds: float) -> None:
        """End a process of a container and what it has started: SIGHUP and SIGTERM, and SIGKILL once its seconds are
        over."""
        deadline = time.monotonic() + _APPEARS_SECONDS
        while (found := self.process(process)) and found.has_not_begun and time.monotonic() < deadline:
            # Docker has no event for the begin of an exec, so it is asked again, until the deadline.
            time.sleep(_POLL_SECONDS)
        status, data = self.docker.call("GET", f"/containers/{container}/json")
        first = int(data["State"].get("Pid") or 0) if status < 400 else 0
        if found is None or not found.pid or not first:
            return
        with contextlib.ExitStack() as handles:
            left = members(found.pid, first)
            for handle in left:
                handles.callback(os.close, handle)
            # A shell for people ignores SIGTERM, and what has no terminal SIGHUP.
            for number in (signal.SIGHUP, signal.SIGTERM):
                _tell(left, number)
            deadline = time.monotonic() + seconds
            while any(_is_there(handle) for handle in left) and time.monotonic() < deadline:
                # Between two looks; whoever is there at the deadline gets SIGKILL.
                time.sleep(_POLL_SECONDS)
            _tell(left, signal.SIGKILL)
            # What they have started meanwhile.
            for handle in members(found.pid, first):
                handles.callback(os.close, handle)
                _tell([handle], signal.SIGKILL)

    def carry(self, stream: Stream | None, line: int | None, *, reads: bool) -> Carried:
        """Carry until the stream ends, something is to be read from `line`, or this process is told to stop."""
        return self.terminal.carry(stream, line, lambda: self._resize(stream), reads=reads)

    def _open(self, target: str, body: dict[str, Any] | None, tty: bool, place: str) -> Stream:
        stream = Stream(target, body, tty, self.docker.path)
        stream.place = place
        return stream

    def _resize(self, stream: Stream | None) -> None:
        if stream is None or not stream.tty:
            return
        lines, columns = self.terminal.size()
        # Before it has started, and after its end, it has no size.
        with contextlib.suppress(OperationError):
            self.docker.call("POST", f"{stream.place}/resize", {"h": str(lines), "w": str(columns)})


def _tell(handles: Sequence[int], number: int) -> None:
    for handle in handles:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)


def _is_there(handle: int) -> bool:
    try:
        signal.pidfd_send_signal(handle, 0)
    except ProcessLookupError:
        return False
    return True
