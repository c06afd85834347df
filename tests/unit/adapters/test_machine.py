# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host itself: services and listeners, as systemd and the kernel tell them."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.servers import Daemon, docker_at

from release.adapters.docker import Docker
from release.adapters.machine import Machine

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LINE = "   0: {} 00000000:0000 {} 00000000:00000000 00:00000000 00000000     0        0 {} 1 0\n"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with docker_at(str(tmp_path / "docker.sock")) as server:
        yield server


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    return Docker(str(tmp_path / "docker.sock"))


def process(
    proc: Path, pid: str, *, name: str = "x", tcp: str = "", tcp6: str = "", sockets: tuple[str, ...] = ()
) -> None:
    home = proc / pid
    (home / "net").mkdir(parents=True)
    (home / "fd").mkdir()
    (home / "comm").write_text(f"{name}\n")
    (home / "net" / "tcp").write_text(HEAD + tcp)
    (home / "net" / "tcp6").write_text(HEAD + tcp6)
    for number, inode in enumerate(sockets):
        (home / "fd" / str(number)).symlink_to(f"socket:[{inode}]")


def test_a_real_listener_is_found(docker: Docker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        machine = Machine(docker)
        assert f"127.0.0.1:{port}" in machine.listeners(os.getpid())
        holder = machine.holders([port])[port]
        assert holder.endswith(f"(process {os.getpid()})")
    assert machine.holders([port]) == {}


def test_where_a_container_listens(docker: Docker, tmp_path: Path) -> None:
    tcp = LINE.format("0100007F:1F40", "0A", 1) + LINE.format("0B00007F:9999", "0A", 2)  # Docker's own name server
    tcp += LINE.format("0100007F:1F41", "01", 3)  # a connection
    tcp6 = LINE.format("00000000000000000000000001000000:1F42", "0A", 4) + LINE.format("0" * 32 + ":1F43", "0A", 5)
    tcp6 += LINE.format("0000000000000000FFFF00000100007F:1F44", "0A", 6)
    process(tmp_path, "7", tcp=tcp, tcp6=tcp6)
    machine = Machine(docker, str(tmp_path))
    assert machine.listeners(7) == ["127.0.0.1:8000", "127.0.0.1:8004", "[::]:8003", "[::1]:8002"]
    assert machine.listeners(0) == machine.listeners(8) == []


@pytest.mark.parametrize(
    ("name", "containers", "told"),
    [
        ("python3", [], "python3 (process 12)"),
        ("dockerd", [{"Names": ["/their-db"]}], "the container their-db"),
        ("docker-proxy", [], "docker-proxy (process 12)"),
    ],
)
def test_who_holds_a_port(
    docker: Docker, daemon: Daemon, tmp_path: Path, name: str, containers: list[object], told: str
) -> None:
    daemon.answers["GET /containers/json"] = 200, containers
    process(tmp_path, "self", tcp=LINE.format("0100007F:5209", "0A", 77))
    process(tmp_path, "12", name=name, sockets=("5", "77"))
    assert Machine(docker, str(tmp_path)).holders([21001, 21011]) == {21001: told}


def test_a_holder_that_cannot_be_seen(docker: Docker, tmp_path: Path) -> None:
    process(tmp_path, "self", tcp=LINE.format("0100007F:5209", "0A", 77))
    assert Machine(docker, str(tmp_path)).holders([21001]) == {21001: "a process that cannot be seen"}


@pytest.mark.parametrize(
    ("says", "down"),
    [
        ("active\nactive", []),
        ("active\ninactive", ["haproxy"]),
        ("failed\nactivating", ["nginx"]),
        ("System has not been booted with systemd", []),
    ],
)
def test_which_services_are_stopped(
    docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, down: list[str]
) -> None:
    script = tmp_path / "systemctl"
    script.write_text(f"#!/bin/sh\nprintf '%s\\n' '{says}'\nexit 3\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    machine = Machine(docker, run=str(tmp_path))
    assert machine.stopped(["nginx", "haproxy"]) == down
    monkeypatch.setenv("PATH", "/nonexistent")
    assert machine.stopped(["nginx", "haproxy"]) == []


@pytest.mark.parametrize(
    ("pid", "name", "asked"),
    [("12\n", "nginx", ""), ("12\n", "other", "nginx"), ("13\n", "nginx", "nginx"), ("what", "nginx", "nginx")],
    ids=["it runs", "the number is another's by now", "it is gone", "a damaged file"],
)
def test_systemd_is_asked_only_if_no_process_is_found(
    docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: str, name: str, asked: str
) -> None:
    process(tmp_path, "12", name=name)
    (tmp_path / "nginx.pid").write_text(pid)
    script = tmp_path / "systemctl"
    script.write_text(f"#!/bin/sh\nshift; echo $* >{tmp_path}/asked; echo inactive\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert Machine(docker, str(tmp_path), str(tmp_path)).stopped(["nginx"]) == ([asked] if asked else [])
    assert (tmp_path / "asked").exists() == bool(asked)


def test_which_paths_are_missing(docker: Docker, tmp_path: Path) -> None:
    there, away = str(tmp_path), str(tmp_path / "away")
    assert Machine(docker).missing([away, there, away]) == [away]


def test_routes_of_every_table_but_the_usual_ones(
    docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [
        {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"},
        {"dst": "128.0.0.0/1", "dev": "tun0", "table": "51820"},
        {"dst": "10.8.0.0/24", "dev": "tun0", "table": "52"},
        {"dst": "172.16.224.33", "dev": "br-1", "table": "local", "type": "local"},
        {"type": "unreachable", "dst": "192.168.0.0/16"},
        {"dst": "127.0.0.0/8", "dev": "lo", "table": "local"},
        {"dst": "224.0.0.0/4", "dev": "eth0"},
    ]
    program = tmp_path / "ip"
    program.write_text(f"#!/bin/sh\n[ \"$*\" = '-json -4 route show table all' ] && echo '{json.dumps(listed)}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert Machine(docker).routes() == [
        ("10.8.0.0/24", "tun0"),
        ("172.16.224.33/32", "br-1"),
        ("192.168.0.0/16", ""),
    ]
    program.write_text("#!/bin/sh\nexit 1\n")
    assert Machine(docker).routes() == []
