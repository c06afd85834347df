# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services on a real disk, on Docker's socket, and asked at the address of their container."""

from __future__ import annotations

import http.server
import json
import os
import socketserver
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.servers import Daemon, docker_at
from fakes.stacks import REDIS, shop_with_services

from release.adapters.docker import Docker
from release.adapters.http_probe import Probe
from release.adapters.store import Store
from release.errors import OperationError
from release.releases.runtime import ServiceContainer
from release.stack.reader import read_stack

STACK = read_stack("shop", shop_with_services())
INSPECTED: dict[str, Any] = {
    "Id": "1" * 64,
    "State": {"Status": "running", "ExitCode": 0, "Pid": 0},
    "Image": "sha256:9",
    "RestartCount": 3,
    "Config": {"Labels": {"release.onehost.service": "redis", "release.onehost.created-from": "f1"}},
    "NetworkSettings": {"Networks": {"a": {"IPAddress": ""}, "b": {"IPAddress": "172.16.224.34"}}},
}
FOUND = ServiceContainer("1" * 64, "redis", "f1", "sha256:9", "running", 0, 3, address="172.16.224.34")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with docker_at(str(tmp_path / "docker.sock")) as server:
        yield server


@pytest.fixture
def docker(tmp_path: Path) -> Docker:
    return Docker(str(tmp_path / "docker.sock"))


def test_their_containers(docker: Docker, daemon: Daemon) -> None:
    asked: list[Any] = []

    def listed(query: dict[str, str]) -> tuple[int, Any]:
        asked.append(json.loads(query["filters"])["label"])
        return 200, [{"Id": "1" * 64}, {"Id": "2" * 64}]

    daemon.answers["GET /containers/json"] = listed
    daemon.answers[f"GET /containers/{'1' * 64}/json"] = 200, INSPECTED  # the other is removed meanwhile
    assert docker.services("shop", "staging") == [FOUND]
    assert asked == [["release.onehost.stack=shop", "release.onehost.environment=staging", "release.onehost.service"]]


def test_removing_one_keeps_its_volumes(docker: Docker, daemon: Daemon) -> None:
    daemon.answers[f"DELETE /containers/{FOUND.id}"] = 204, None
    docker.remove(FOUND)
    assert daemon.calls == [f"DELETE /containers/{FOUND.id}?force=true"], "no v=true"


def test_a_network_is_made_once(docker: Docker, daemon: Daemon) -> None:
    daemon.answers["POST /networks/create"] = 201, {"Id": "n"}
    docker.provide_network("shop-staging-blue-172.16.224.0", "172.16.224.0/27", {"a": "b"})
    daemon.answers["GET /networks/shop-staging-blue-172.16.224.0"] = 200, {"Id": "n"}
    docker.provide_network("shop-staging-blue-172.16.224.0", "172.16.224.0/27", {"a": "b"})
    assert [call for call in daemon.calls if call.startswith("POST")] == ["POST /networks/create"]
    daemon.answers["POST /networks/create"] = 403, {"message": "Pool overlaps with other one"}
    with pytest.raises(OperationError, match="Pool overlaps"):
        docker.provide_network("other", "172.16.224.0/27", {})


def test_a_volume_is_given_to_its_user_while_it_is_empty(
    docker: Docker, daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "_data"
    place.mkdir()
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "fchown", lambda _handle, user, group: given.append((user, group)))
    daemon.answers["POST /volumes/create"] = 201, {"Mountpoint": str(place)}
    docker.provide_volume("shop_staging_data", 4999, {})
    # Killed before it was given: the volume is there, and empty still.
    daemon.answers["GET /volumes/shop_staging_data"] = 200, {"Mountpoint": str(place)}
    docker.provide_volume("shop_staging_data", 4999, {})
    assert given == [(4999, 4999)] * 2
    (place / "dump.rdb").write_text("x")
    docker.provide_volume("shop_staging_data", 4999, {})
    assert len(given) == 2, "whose it is now, is up to whoever uses it"
    assert len([call for call in daemon.calls if call.startswith("POST")]) == 1


@pytest.mark.parametrize(("says", "code"), [("", 0), ("manifest unknown", 1)])
def test_fetching_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, code: int) -> None:
    script = tmp_path / "docker"
    script.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/called\necho "{says}" >&2\nexit {code}\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    if code:
        with pytest.raises(OperationError, match="manifest unknown"):
            Docker().pull(REDIS)
    else:
        Docker().pull(REDIS)
    assert (tmp_path / "called").read_text() == f"pull --quiet {REDIS}\n"


def test_files_of_before_stay_until_they_are_not_needed(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for state in ("f1", "f2"):
        store.write_service(STACK, "staging", "redis", state, {"name": state}, b"TOKEN='x'\n")
    home = tmp_path / "shop" / "services" / "staging" / "redis"
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.glob("*/*")} == {0o600}
    assert store.has_service(STACK, "staging", "redis", "f1")
    store.keep_service(STACK, "staging", "redis", "f2")
    assert not store.has_service(STACK, "staging", "redis", "f1")
    assert json.loads(Path(store.service_path(STACK, "staging", "redis", "f2")).read_text()) == {"name": "f2"}
    Path(store.service_path(STACK, "staging", "redis", "f2")).write_text("{")
    assert not store.has_service(STACK, "staging", "redis", "f2")
    assert any("services/staging/redis/f2" in problem.where for problem in store.troubles("shop"))
    store.keep_service(STACK, "staging", "redis", "")
    assert not home.exists()


class _Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ready" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


def test_asked_at_its_address() -> None:
    with socketserver.TCPServer(("127.0.0.2", 0), _Ready) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        port = server.server_address[1]
        probe = Probe()
        assert probe.service("127.0.0.2", port, "/ready").status == 200
        assert probe.service("127.0.0.2", port, "/x").status == 503
        assert probe.service("127.0.0.2", port, "").status == 200, "somebody listens"
        server.shutdown()
    for path in ("", "/ready"):
        answer = probe.service("127.0.0.2", port, path)
        assert answer.status == 0 and f"no answer on port {port}" in answer.error
