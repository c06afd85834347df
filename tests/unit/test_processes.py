# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks and operations in processes of their own, killed for real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.waiting import until

from release.errors import RefusedError
from release.process import background, lock
from release.releases.lock_holder import LockHolder

ENGINE = Path(background.__file__).parents[2]
WHO = LockHolder("promote", "bob", "desk", "12:00:00", 7)


@contextmanager
def python(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process with the engine at hand."""
    command = [sys.executable, "-c", program, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ENGINE)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


HOLDER = """
import sys, time
from release.process import lock
from release.releases.lock_holder import LockHolder
with lock.hold(sys.argv[1], LockHolder("promote", "bob", "desk", "12:00:00", 7), 0):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_comer_is_told_within_a_second(tmp_path: Path) -> None:
    path = lock.lock_path("shop", "production", str(tmp_path / "locks"))
    assert lock.holder(path) is None
    with python(HOLDER, path) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        assert lock.holder(path) == WHO
        begun = time.monotonic()
        with (
            pytest.raises(RefusedError, match="busy: promote by bob on desk, since 12:00:00") as caught,
            lock.hold(path, LockHolder.from_json({}), 0),
        ):
            pass
        assert time.monotonic() - begun < 1
        assert "lock_wait=60" in caught.value.problems[0].fix
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        with lock.hold(path, LockHolder.from_json({}), 0):  # it died with its holder
            pass
    assert lock.holder(path) is None


def test_waiting_for_the_lock(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with python(HOLDER, path) as process:
        assert process.stdout and process.stdout.readline() == "held\n"
        timer = threading.Timer(0.4, process.kill)
        timer.start()
        with lock.hold(path, WHO, 10):
            assert lock.holder(path) == WHO
        timer.join()


def test_looking_turns_nobody_away(tmp_path: Path) -> None:
    """Who looks for the holder has the lock for a moment; an operation that begins just then must not be refused."""
    path = str(tmp_path / "lock")
    with lock.hold(path, WHO, 0):
        pass
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            lock.holder(path)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            with lock.hold(path, WHO, 0):
                pass
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("content", ["", "nonsense", "[]"])
def test_a_lock_whose_holder_is_not_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "lock"
    with lock.hold(str(path), WHO, 0):
        path.write_text(content)
        assert lock.holder(str(path)) == LockHolder.from_json({})
        with (
            pytest.raises(RefusedError, match="an operation by an unknown user on an unknown host"),
            lock.hold(str(path), LockHolder.from_json({}), 0),
        ):
            pass


# The background


def test_result_in_time(tmp_path: Path) -> None:
    path = tmp_path / "results" / "one.json"
    process, result = background.start(lambda: {"pid": os.getpid(), "big": "x" * 200000}, str(path), None)
    assert result and result["pid"] == process != os.getpid()
    assert json.loads(path.read_text()) == result


def test_result_after_the_wait(tmp_path: Path) -> None:
    path, go = tmp_path / "one.json", tmp_path / "go"

    def work() -> dict[str, Any]:
        until(go.exists)
        return {"done": True}

    process, result = background.start(work, str(path), 0.05)
    assert result is None
    go.touch()
    until(path.exists)
    assert json.loads(path.read_text()) == {"done": True}
    os.waitpid(process, 0)


def test_it_is_a_session_of_its_own_and_deaf_to_hangups(tmp_path: Path) -> None:
    def work() -> dict[str, Any]:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
            os.kill(os.getpid(), number)
        return {"session": os.getsid(0) == os.getpid(), "in": os.read(0, 1).decode()}

    _, result = background.start(work, str(tmp_path / "one.json"), 10)
    assert result == {"session": True, "in": ""}


def test_a_mistake_of_ours_is_told(tmp_path: Path) -> None:
    def work() -> dict[str, Any]:
        raise KeyError("oops")

    _, result = background.start(work, str(tmp_path / "one.json"), 10)
    assert result and result["failed"] and "KeyError: 'oops'" in result["log"][-1]


def test_a_result_that_cannot_be_written_is_told_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    _, result = background.start(lambda: {"done": True}, str(tmp_path / "file" / "one.json"), 10)
    assert result == {"done": True}


def test_killed_in_the_background(tmp_path: Path) -> None:
    def work() -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGKILL)
        return {}

    _, result = background.start(work, str(tmp_path / "one.json"), 10)
    assert result is None and not (tmp_path / "one.json").exists()


PARENT = """
import os, sys, time
from release.process import background
def work():
    while not os.path.exists(sys.argv[2]):
        time.sleep(0.01)
    return {"done": True}
process, result = background.start(work, sys.argv[1], 0.05)
print(process, result, flush=True)
time.sleep(60)
"""


def test_it_outlives_its_parent(tmp_path: Path) -> None:
    path, go = tmp_path / "one.json", tmp_path / "go"
    with python(PARENT, str(path), str(go)) as parent:
        assert parent.stdout and parent.stdout.readline().endswith(" None\n")
        parent.kill()
        parent.wait(10)
        assert not path.exists()
        go.touch()
        until(path.exists)
    assert json.loads(path.read_text()) == {"done": True}
