# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of a stack's owner, with real processes."""

from __future__ import annotations

import getpass
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from release.errors import OperationError
from release.util import as_owner

ME = getpass.getuser()
#: What a hook of the owner would do: say something on the terminal of whoever runs the engine, and listen to it.
ON_A_TERMINAL = """
import fcntl, sys, termios
from release.util import as_owner
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
answer = as_owner.run(sys.argv[1], ["sh", "-c", "echo planted >/dev/tty; test -r /dev/tty && cat </dev/tty"])
print("ran", answer.code, answer.text)
"""


def shell(script: str, seconds: float = 20, text: str = "") -> as_owner.Finished:
    return as_owner.run(ME, ["sh", "-c", script], seconds=seconds, text=text)


def test_what_it_says() -> None:
    done = shell("cat; echo bad >&2; exit 3", text="given")
    assert (done.code, done.text, done.messages) == (3, "given", "bad\n")


def test_the_terminal_of_the_caller_is_out_of_reach() -> None:
    """Whoever has the same terminal can type on it, as root."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, ME],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
        text=True,
    ) as process:
        os.write(master, b"typed by root\n")
        output, trouble = process.communicate(timeout=30)
    os.set_blocking(master, False)
    seen = os.read(master, 4096).decode()
    os.close(slave)
    os.close(master)
    assert output.startswith("ran ") and "ran 0" not in output, trouble
    assert "planted" not in seen and "typed by root" not in output


def test_it_gets_a_home_and_nothing_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_DIR", "/ours")
    monkeypatch.setenv("HOME", "/ours")
    with (tmp_path / "held").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        done = shell("env; umask; pwd; ls -l /proc/self/fd")
    assert "/ours" not in done.text and "held" not in done.text
    assert {"0077", "/", f"USER={ME}"} <= set(done.text.splitlines())


def test_it_hangs() -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError, match="not done after"):
        shell("sleep 30 & sleep 30", seconds=0.3)
    assert time.monotonic() - begun < 10


def test_what_it_leaves_behind_is_not_waited_for() -> None:
    """ssh leaves a shared connection that holds its streams."""
    begun = time.monotonic()
    assert shell("setsid sleep 30 & echo done").text == "done\n"
    assert time.monotonic() - begun < 10


def test_output_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(as_owner, "OUTPUT_LIMIT", 1000)
    with pytest.raises(TimeoutError, match="more than 1000 bytes"):
        shell("yes")
    many = shell("i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i+1)); done >&2")
    assert len(many.messages) <= as_owner.MESSAGES_KEPT and many.messages.endswith("line 39999\n")


def test_input_that_nobody_reads() -> None:
    assert shell("exec 0<&-; true", text="x" * 60000).code == 0
    with pytest.raises(ValueError, match="too much input"):
        shell("cat", text="x" * 70000)


def test_an_owner_who_does_not_exist() -> None:
    with pytest.raises(OperationError, match=r"owner nobody-here.*is not a user of this host"):
        as_owner.run("nobody-here", ["true"])
