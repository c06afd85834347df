# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work with the rights of somebody else, in a process of its own. That the rights are really given up is seen on the
lab, by `make attack`."""

from __future__ import annotations

import errno
import os
import pwd
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from release.util.as_user import run_as

ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture(autouse=True)
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests, the child becomes what they are already."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    if os.getuid() != 0:
        for name in ("initgroups", "setgid", "setuid"):
            monkeypatch.setattr(os, name, lambda *arguments: None)


def test_the_result_comes_back_from_another_process() -> None:
    where = os.getpid()
    found: dict[str, Any] = run_as(ME, lambda: {"process": os.getpid(), "session": os.getsid(0), "text": "x" * 200_000})
    assert found["process"] != where and found["session"] == found["process"] and len(found["text"]) == 200_000


def test_an_error_comes_back_too() -> None:
    with pytest.raises(FileNotFoundError) as told:
        run_as(ME, lambda: Path("/nowhere").stat())
    assert told.value.filename == "/nowhere"
    with pytest.raises(OSError, match="ZeroDivisionError"):
        run_as(ME, lambda: 1 / 0)
    # A test that ended here would otherwise end as this process, a second time.
    with pytest.raises(OSError, match="SystemExit"):
        run_as(ME, lambda: sys.exit(3))


def test_work_that_hangs_is_ended() -> None:
    begun = time.monotonic()
    with pytest.raises(OSError) as told:
        run_as(ME, lambda: time.sleep(60), seconds=0.2)
    assert told.value.errno == errno.ETIMEDOUT and time.monotonic() - begun < 30


def test_a_user_who_does_not_exist() -> None:
    with pytest.raises(OSError, match="there is no user nobody-of-that-name"):
        run_as("nobody-of-that-name", lambda: None)


def test_without_roots_rights_there_is_nothing_to_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run_as("nobody-of-that-name", os.getpid) == os.getpid()
