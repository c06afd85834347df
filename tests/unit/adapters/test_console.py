# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes in containers: what Docker is asked for, and that the end of one is the end of all that it has started."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.servers import Daemon, docker_at
from support.waiting import until

from release.adapters.console import Console
from release.adapters.docker import Docker
from release.adapters.processes import members
from release.errors import OperationError
from release.releases.runs import Process


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with docker_at(str(tmp_path / "docker.sock")) as server:
        yield server


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(Docker(str(tmp_path / "docker.sock")))


def test_a_process_is_described_by_its_words_alone(
    console: Console, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []

    def call(method: str, path: str, **more: Any) -> tuple[int, Any]:
        sent.append(more["body"])
        return 201, {"Id": "e1"}

    monkeypatch.setattr(console.docker, "call", call)
    words = ["--privileged", "-u", "root", "FOO=bar", "$HOME"]
    assert console.prepare("c1", words, tty=True, reads=False) == "e1"
    [body] = sent
    assert body.pop("Cmd") == words
    assert body == {
        "AttachStdin": False,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": True,
        "DetachKeys": "ctrl-^,ctrl-],ctrl-^,ctrl-]",
    }


def test_what_docker_says_of_it(console: Console, daemon: Daemon) -> None:
    daemon.answers["GET /exec/e1/json"] = 200, {"Running": True, "Pid": 7, "ExitCode": None}
    assert console.process("e1") == Process(True, 7, None)
    daemon.answers["GET /exec/e1/json"] = 200, {"Running": False, "Pid": 0, "ExitCode": None}
    found = console.process("e1")
    assert found is not None and found.has_not_begun
    assert console.process("e2") is None
    daemon.answers["POST /containers/c1/exec"] = 409, {"message": "container c1 is not running"}
    with pytest.raises(OperationError, match="container c1 is not running"):
        console.prepare("c1", ["ls"], tty=False, reads=False)


@pytest.fixture
def session() -> Iterator[subprocess.Popen[bytes]]:
    """A shell that ignores SIGTERM and SIGHUP, with a child that does so too, in a session of their own."""
    script = "trap '' TERM HUP; sleep 4322 & echo; wait"
    process = subprocess.Popen(["sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.stdout.close()
    for handle in members(process.pid, os.getpid()):
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)
    process.wait()


def count(session: subprocess.Popen[bytes]) -> int:
    handles = members(session.pid, os.getpid())
    for handle in handles:
        os.close(handle)
    return len(handles)


def test_all_that_belongs_to_it_ends(console: Console, daemon: Daemon, session: subprocess.Popen[bytes]) -> None:
    until(lambda: count(session) == 2)
    daemon.answers["GET /exec/e1/json"] = 200, {"Running": True, "Pid": session.pid, "ExitCode": None}
    daemon.answers["GET /containers/c1/json"] = 200, {"State": {"Pid": os.getpid()}}
    console.end("e1", "c1", 0.2)
    assert session.wait(10) == -signal.SIGKILL
    until(lambda: count(session) == 0)


def test_what_is_left_by_one_that_has_ended_ends_too(console: Console, daemon: Daemon) -> None:
    script = "sleep 4323 >&- & echo $!"
    with subprocess.Popen(["sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE) as leader:
        assert leader.stdout is not None
        child = int(leader.stdout.readline())
    daemon.answers["GET /exec/e1/json"] = 200, {"Running": False, "Pid": leader.pid, "ExitCode": 0}
    daemon.answers["GET /containers/c1/json"] = 200, {"State": {"Pid": os.getpid()}}
    console.end("e1", "c1", 5)
    until(lambda: not Path(f"/proc/{child}").exists())


@pytest.mark.parametrize(
    ("process", "container"),
    [
        ((404, {}), (200, {"State": {"Pid": 1}})),
        ((200, {"Running": False, "Pid": 0, "ExitCode": 3}), (200, {"State": {"Pid": 1}})),
        ((200, {"Running": True, "Pid": None, "ExitCode": 3}), (404, {})),
    ],
)
def test_where_there_is_nothing_to_end(console: Console, daemon: Daemon, process: Any, container: Any) -> None:
    daemon.answers["GET /exec/e1/json"] = process
    daemon.answers["GET /containers/c1/json"] = container
    console.end("e1", "c1", 5)


def test_processes_of_another_container_are_not_touched(session: subprocess.Popen[bytes]) -> None:
    """The number of a process that has ended may be another one's by now."""
    assert members(session.pid, first=2**22 + 1) == []
