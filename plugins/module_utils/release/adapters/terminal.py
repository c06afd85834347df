# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminal, or the pipes, of whoever waits: carried to and from a stream until one of them ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import stat
import termios
import tty
from collections.abc import Callable, Iterator

from ..releases.runs import Carried
from .docker_stream import Stream

_STOPS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_AT_ONCE = 65536
_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


class Terminal:
    """Standard input, output and error of this process."""

    def __init__(self, streams: tuple[int, int, int] = (0, 1, 2)) -> None:
        self.input, self.output, self.errors = streams

    def is_terminal(self) -> bool:
        return os.isatty(self.input) and os.isatty(self.output)

    def has_input(self) -> bool:
        """Whether something may come by standard input: not from /dev/null."""
        try:
            found = os.fstat(self.input)
        except OSError:
            return False
        return not (stat.S_ISCHR(found.st_mode) and found.st_rdev == os.stat(os.devnull).st_rdev)

    def size(self) -> tuple[int, int]:
        """Lines and columns."""
        try:
            columns, lines = os.get_terminal_size(self.output)
        except OSError:
            return 24, 80
        return lines, columns

    def carry(self, stream: Stream | None, line: int | None, resized: Callable[[], None], *, reads: bool) -> Carried:
        """Carry until the stream ends, something is to be read from `line`, or this process is told to stop."""
        with _signals() as told, self._raw(stream is not None and stream.tty):
            return _Carrier(self, stream, line, told, resized, reads).run()

    @contextlib.contextmanager
    def _raw(self, wanted: bool) -> Iterator[None]:
        """Each key as it is typed: Ctrl-C is for the process in the container."""
        if not wanted:
            yield
            return
        before = termios.tcgetattr(self.input)
        try:
            tty.setraw(self.input, termios.TCSADRAIN)
            yield
        finally:
            # A terminal that is gone has nothing to restore.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.input, termios.TCSADRAIN, before)


class _Carrier:
    def __init__(
        self,
        ends: Terminal,
        stream: Stream | None,
        line: int | None,
        told: socket.socket,
        resized: Callable[[], None],
        reads: bool,
    ) -> None:
        self.ends, self.stream, self.line, self.told, self.resized = ends, stream, line, told, resized
        self.reads = reads and stream is not None
        self.is_sized = False

    def run(self) -> Carried:
        self.resized()
        while True:
            ready = self._ready()
            for number in self.told.recv(64) if self.told.fileno() in ready else b"":
                if number == signal.SIGWINCH:
                    self.resized()
                elif number in _STOPS:
                    return Carried("told", number, is_gone=number == signal.SIGHUP)
            if self._reader_is_gone(ready):
                return Carried("told", signal.SIGPIPE, is_gone=True)
            try:
                ended = self._move(ready)
            except OSError:
                return Carried("told", signal.SIGPIPE, is_gone=True)
            if ended:
                return Carried("ended")
            if self.line in ready:
                return Carried("line")

    def _ready(self) -> dict[int, int]:
        poll = select.poll()
        poll.register(self.told, select.POLLIN)
        if self.line is not None:
            poll.register(self.line, select.POLLIN)
        # Without anything to wait for, an end that is gone is told all the same.
        for end in (self.ends.output, self.ends.errors):
            poll.register(end, 0)
        if self.stream is not None:
            poll.register(self.stream, select.POLLIN | (select.POLLOUT if self.stream.unsent else 0))
            if self.reads and not self.stream.unsent:
                poll.register(self.ends.input, select.POLLIN)
        return dict(poll.poll())

    def _reader_is_gone(self, ready: dict[int, int]) -> bool:
        return any(ready.get(end, 0) & _GONE for end in (self.ends.output, self.ends.errors))

    def _move(self, ready: dict[int, int]) -> bool:
        """Move what there is. Returns whether the stream has ended."""
        stream = self.stream
        if stream is None:
            return False
        going = stream.read() if stream.fileno() in ready else True
        for which, data in stream.parts():
            if not self.is_sized:
                # Only now is it certain that it has begun.
                self.is_sized = True
                self.resized()
            _write(self.ends.errors if which == 2 else self.ends.output, data)
        if stream.unsent:
            stream.write()
        elif self.reads and self.ends.input in ready:
            data = os.read(self.ends.input, _AT_ONCE)
            stream.write(data)
            if not data:
                self.reads = False
                stream.no_more_input()
        return not going


def _write(end: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        # Whoever shares it may have made it one that does not wait.
        select.select([], [end], [])
        view = view[os.write(end, view[: select.PIPE_BUF]) :]


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """Signals as bytes that can be waited for."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    numbers = (*_STOPS, signal.SIGWINCH)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    woken = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()
