# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations in processes of their own, killed for real."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from support.processes import python
from support.waiting import until

from release.process import background


def test_result_in_time(tmp_path: Path) -> None:
    path = tmp_path / "results" / "one.json"
    process, result = background.start(lambda: {"pid": os.getpid(), "big": "x" * 200000}, str(path), None)
    assert result and result["pid"] == process != os.getpid()
    assert json.loads(path.read_text()) == result
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


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
    _, result = background.start(work, str(tmp_path / "two.json"), 10, lambda line: line.replace("oops", "***A***"))
    assert result and "***A***" in result["log"][-1] and "oops" not in "".join(result["log"])


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
# The test kills it; this only bounds its life if the test fails.
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
