# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks in processes of their own, killed for real."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from support.processes import python

from release.errors import RefusedError
from release.process import lock
from release.releases.lock_holder import LockHolder

WHO = LockHolder("promote", "bob", "desk", "12:00:00", 7)
HOLDER = """
import sys, time
from release.process import lock
from release.releases.lock_holder import LockHolder
with lock.hold(sys.argv[1], LockHolder("promote", "bob", "desk", "12:00:00", 7), 0):
    print("held", flush=True)
    # The test kills it; this only bounds its life if the test fails.
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


def test_only_root_can_open_a_lock(tmp_path: Path) -> None:
    """Whoever can open it, if only to read, can hold it."""
    path = tmp_path / "one.lock"
    path.write_text("")
    path.chmod(0o644)
    with lock.hold(str(path), WHO, 0):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("person", "reason"), [("ann\n", ""), ("ann", "x\nproblem: forged"), ("ann", "\x1b[2K")])
def test_who_cannot_be_printed_gets_no_lock(person: str, reason: str) -> None:
    with pytest.raises(RefusedError, match="cannot be printed"):
        lock.this_process("flag", person, "desk", 0.0, reason)


def test_what_is_no_lock_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "shop-production.lock"
    path.mkdir(parents=True)
    with pytest.raises(RefusedError, match="cannot be used: Is a directory") as caught, lock.hold(str(path), WHO, 0):
        pass
    assert caught.value.problems[0].fix.endswith(f"rm -r {path}")


@pytest.mark.parametrize("text", ["", "{", "[]", "5"])
def test_a_damaged_lock_of_somebody_else_is_mended(tmp_path: Path, text: str) -> None:
    """Whoever could open it could keep every operation out."""
    path = tmp_path / "lock"
    path.write_text(text)
    os.chown(path, 12345, -1)
    with lock.hold(str(path), WHO, 0):
        assert lock.holder(str(path)) == WHO
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (os.geteuid(), 0o600)
