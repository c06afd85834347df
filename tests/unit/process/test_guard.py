# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two processes that share a task, killed for real."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest
from support.processes import python
from support.waiting import until

from release.errors import RefusedError
from release.process import guard, lock
from release.process.guard import GoneError, Line
from release.releases.lock_holder import LockHolder

WHO = LockHolder.from_json({"operation": "run", "person": "ann"})


def test_messages_in_both_directions(tmp_path: Path) -> None:
    def work(line: Line) -> None:
        heard = line.receive(10)
        line.send("heard", what=heard, big="x" * 300_000)
        line.send("again")

    line = guard.start(work, str(tmp_path / "none"))
    assert line.receive(0.01) is None
    line.send("begin", text="a\nb")
    heard = line.receive(10)
    assert heard is not None and heard["what"] == {"event": "begin", "text": "a\nb"} and len(heard["big"]) == 300_000
    again = line.receive(10)
    assert again == {"event": "again"}
    with pytest.raises(GoneError):
        line.receive(10)
    line.send("nobody hears this")


def test_what_breaks_is_told(tmp_path: Path) -> None:
    line = guard.start(lambda _: dict[str, None]()["x"], str(tmp_path / "none"))
    told = line.receive(10)
    assert told is not None and told["event"] == "broken" and "KeyError" in told["text"]


def test_it_has_none_of_our_streams_and_no_terminal_ends_it(tmp_path: Path) -> None:
    def work(line: Line) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGINT)
        line.send("streams", names=[str(Path(f"/proc/self/fd/{number}").readlink()) for number in (0, 1, 2)])

    line = guard.start(work, str(tmp_path / "none"))
    told = line.receive(10)
    assert told is not None and told["names"] == [os.devnull] * 3


def test_told_to_stop_it_hears_that_nobody_waits(tmp_path: Path) -> None:
    def work(line: Line) -> None:
        line.send("here", pid=os.getpid())
        try:
            line.receive(10)
        except GoneError:
            line.send("was told")

    line = guard.start(work, str(tmp_path / "none"))
    told = line.receive(10)
    assert told is not None
    os.kill(told["pid"], signal.SIGTERM)
    assert line.receive(10) == {"event": "was told"}


def test_the_lock_is_held_until_both_have_ended(tmp_path: Path) -> None:
    """The first is killed; the other goes on, and drops the lock's file at its end."""
    path, go, ended = str(tmp_path / "one.lock"), tmp_path / "go", tmp_path / "ended"
    script = f"""
import os
from release.process import guard
from release.releases.lock_holder import LockHolder

def work(line):
    try:
        line.receive(30)
    except guard.GoneError:
        while not os.path.exists({str(go)!r}):
            pass
    open({str(ended)!r}, "w").close()

with guard.claim({path!r}, LockHolder.from_json({{}})):
    guard.start(work, {path!r})
    os.kill(os.getpid(), 9)
"""
    with python(script) as process:
        assert process.wait(timeout=30) == -signal.SIGKILL
    assert lock.holder(path) is not None
    with pytest.raises(RefusedError, match="busy"), guard.claim(path, WHO):
        pass
    go.touch()
    until(ended.exists)
    until(lambda: not Path(path).exists())
    with guard.claim(path, WHO):
        assert lock.holder(path) is not None
    assert not Path(path).exists()


def test_one_message_in_pieces_and_two_in_one() -> None:
    mine, other = socket.socketpair()
    line = Line(mine)
    other.sendall(b'{"event": "a"}\n{"event": "b"}\n{"ev')
    assert line.receive(1) == {"event": "a"} and line.has_message
    assert line.receive(1) == {"event": "b"} and not line.has_message
    assert line.receive(0.01) is None
    other.sendall(b'ent": "c"}\n')
    assert line.receive(1) == {"event": "c"}
    other.close()
    mine.close()
