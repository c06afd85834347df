# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody's pipes and terminal, carried to and from a stream of Docker's."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.waiting import until

from release.adapters.docker_stream import Stream
from release.adapters.terminal import Terminal
from release.errors import OperationError


def frame(which: int, data: bytes) -> bytes:
    return bytes([which, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


class Engine:
    """Docker's side of one stream."""

    def __init__(self, path: Path, answer: bytes = b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\n") -> None:
        self.path = str(path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.asked = b""
        self.answer = answer
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self) -> None:
        self.end, _ = self.listener.accept()
        while b"\r\n\r\n" not in self.asked:
            self.asked += self.end.recv(65536)
        self.end.sendall(self.answer)

    def stream(self, *, tty: bool = False) -> Stream:
        found = Stream("/containers/1/attach?stream=1", None, tty, self.path)
        self.thread.join(10)
        return found


class Ends:
    """The pipes of somebody who waits."""

    def __init__(self) -> None:
        self.read_input, self.input = os.pipe()
        self.output, self.write_output = os.pipe()
        self.errors, self.write_errors = os.pipe()
        self.terminal = Terminal((self.read_input, self.write_output, self.write_errors))
        self.line, self.other_line = socket.socketpair()


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path / "docker.sock")


@pytest.fixture
def ends() -> Iterator[Ends]:
    found = Ends()
    yield found
    found.line.close()
    found.other_line.close()


def test_output_and_errors_are_apart(engine: Engine, ends: Ends) -> None:
    stream = engine.stream()
    assert b"POST /containers/1/attach?stream=1 HTTP/1.1\r\n" in engine.asked and b"Upgrade: tcp" in engine.asked
    whole = frame(1, b"\0\xff\n") + frame(2, b"told") + frame(1, b"more")
    engine.end.sendall(whole[:5])
    engine.end.sendall(whole[5:])
    engine.end.close()
    assert ends.terminal.carry(stream, ends.line.fileno(), lambda: None, reads=False).why == "ended"
    assert (os.read(ends.output, 100), os.read(ends.errors, 100)) == (b"\0\xff\nmore", b"told")


def test_what_came_with_the_answer_is_not_lost(tmp_path: Path, ends: Ends) -> None:
    engine = Engine(tmp_path / "d.sock", b"HTTP/1.1 101 UPGRADED\r\n\r\n" + frame(1, b"early"))
    stream = engine.stream()
    engine.end.close()
    assert ends.terminal.carry(stream, ends.line.fileno(), lambda: None, reads=False).why == "ended"
    assert os.read(ends.output, 100) == b"early"


def test_input_ends_where_it_ends(engine: Engine, ends: Ends) -> None:
    stream = engine.stream()
    os.write(ends.input, b"a\0b")
    os.close(ends.input)
    got: list[bytes] = []

    def read() -> None:
        while part := engine.end.recv(100):
            got.append(part)
        engine.end.sendall(frame(1, b"done"))
        engine.end.close()

    thread = threading.Thread(target=read)
    thread.start()
    assert ends.terminal.carry(stream, ends.line.fileno(), lambda: None, reads=True).why == "ended"
    thread.join(10)
    assert b"".join(got) == b"a\0b" and os.read(ends.output, 100) == b"done"


def test_a_slow_reader_gets_all_of_it(engine: Engine, ends: Ends) -> None:
    """With no line to listen to: what wrote it has ended."""
    stream = engine.stream()
    data = os.urandom(400_000)
    got: list[bytes] = []

    def read() -> None:
        # Not before there is more waiting than a pipe holds.
        until(lambda: len(select.select([], [ends.write_output], [], 0)[1]) == 0)
        while len(b"".join(got)) < len(data):
            got.append(os.read(ends.output, 65536))

    def write() -> None:
        engine.end.sendall(b"".join(frame(1, data[place : place + 1000]) for place in range(0, len(data), 1000)))
        engine.end.close()

    threads = [threading.Thread(target=it) for it in (read, write)]
    for thread in threads:
        thread.start()
    assert ends.terminal.carry(stream, None, lambda: None, reads=False).why == "ended"
    for thread in threads:
        thread.join(10)
    assert b"".join(got) == data


def test_input_that_nobody_reads_does_not_hold_up_the_output(engine: Engine, ends: Ends) -> None:
    stream = engine.stream()
    feeder = threading.Thread(target=lambda: os.write(ends.input, b"x" * 60_000))
    feeder.start()
    feeder.join(10)
    stream.unsent = b"y" * 5_000_000
    engine.end.sendall(frame(1, b"much to say"))
    threading.Timer(0.2, lambda: ends.other_line.sendall(b"\n")).start()
    assert ends.terminal.carry(stream, ends.line.fileno(), lambda: None, reads=True).why == "line"
    assert os.read(ends.output, 100) == b"much to say" and stream.unsent


@pytest.mark.parametrize("which", ["output", "errors"])
@pytest.mark.parametrize("has_stream", [True, False])
def test_a_reader_that_is_gone_is_told(engine: Engine, ends: Ends, which: str, has_stream: bool) -> None:
    """Though nothing is written that would tell it."""
    stream = engine.stream() if has_stream else None
    threading.Timer(0.1, lambda: os.close(getattr(ends, which))).start()
    told = ends.terminal.carry(stream, ends.line.fileno(), lambda: None, reads=False)
    assert (told.why, told.signal, told.is_gone) == ("told", signal.SIGPIPE, True)


@pytest.mark.parametrize(
    ("number", "is_gone"), [(signal.SIGHUP, True), (signal.SIGINT, False), (signal.SIGTERM, False)]
)
def test_signals(ends: Ends, number: signal.Signals, is_gone: bool) -> None:
    before = signal.getsignal(number)
    threading.Timer(0.1, lambda: os.kill(os.getpid(), number)).start()
    told = ends.terminal.carry(None, ends.line.fileno(), lambda: None, reads=False)
    assert (told.why, told.signal, told.is_gone) == ("told", number, is_gone)
    assert signal.getsignal(number) is before


def test_a_terminal_is_raw_meanwhile_and_as_before_afterwards(engine: Engine, ends: Ends) -> None:
    near, far = pty.openpty()
    terminal = Terminal((far, far, far))
    assert terminal.is_terminal() and not ends.terminal.is_terminal()
    before = termios.tcgetattr(far)
    stream = engine.stream(tty=True)
    sizes: list[tuple[int, int]] = []
    typed: list[bytes] = []

    def talk() -> None:
        until(lambda: not termios.tcgetattr(far)[3] & termios.ISIG)
        os.write(near, b"\x03")
        typed.append(engine.end.recv(10))
        engine.end.sendall(b"\x1b[1mbold")
        until(lambda: len(sizes) == 2)
        os.kill(os.getpid(), signal.SIGWINCH)
        until(lambda: len(sizes) == 3)
        engine.end.close()

    thread = threading.Thread(target=talk)
    thread.start()
    termios.tcsetwinsize(far, (33, 101))
    told = terminal.carry(stream, ends.line.fileno(), lambda: sizes.append(terminal.size()), reads=True)
    thread.join(10)
    assert told.why == "ended" and typed == [b"\x03"] and sizes == [(33, 101)] * 3
    assert os.read(near, 100) == b"\x1b[1mbold"
    assert termios.tcgetattr(far) == before


def test_a_terminal_that_hangs_up_is_told(engine: Engine, ends: Ends) -> None:
    near, far = pty.openpty()
    terminal = Terminal((far, far, far))
    threading.Timer(0.1, lambda: os.close(near)).start()
    told = terminal.carry(engine.stream(tty=True), ends.line.fileno(), lambda: None, reads=True)
    assert told.why == "told" and told.is_gone


def test_what_may_come(ends: Ends) -> None:
    assert ends.terminal.has_input()
    null = os.open(os.devnull, os.O_RDONLY)
    assert not Terminal((null, 1, 2)).has_input()
    os.close(null)
    assert not Terminal((null, 1, 2)).has_input()


def test_docker_says_no(tmp_path: Path) -> None:
    body = b'{"message":"no such container"}'
    engine = Engine(tmp_path / "d.sock", b"HTTP/1.1 404 Not Found\r\n\r\n" + body)
    with pytest.raises(OperationError, match="no such container"):
        engine.stream()
    with pytest.raises(OperationError, match="Docker does not answer"):
        Stream("/x", None, False, str(tmp_path / "nobody.sock"))
