# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which logs there are: Docker's and those that were kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.log_files import Writer
from fakes.servers import Daemon, docker_at

from release.adapters.docker import Docker
from release.adapters.log_archive import LogArchive
from release.adapters.logs import Logs
from release.releases.runtime import ServiceContainer

LABELS = {"release.onehost.stack": "shop", "release.onehost.environment": "staging", "release.onehost.app": "api"}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with docker_at(str(tmp_path / "docker.sock")) as server:
        yield server


@pytest.fixture
def archive(tmp_path: Path) -> LogArchive:
    return LogArchive(str(tmp_path / "state"))


@pytest.fixture
def docker(tmp_path: Path, archive: LogArchive) -> Docker:
    return Docker(str(tmp_path / "docker.sock"), archive)


def inspected(tmp_path: Path, name: str, driver: str = "local", *, started: bool = True) -> dict[str, Any]:
    return {
        "Id": name,
        "Created": "2026-01-01T00:00:00.5Z",
        "HostnamePath": str(tmp_path / name / "hostname") if started else "",
        "HostConfig": {"LogConfig": {"Type": driver}},
        "Config": {"Labels": LABELS},
    }


def listed(name: str, state: str = "running", **labels: str) -> dict[str, Any]:
    return {"Id": name, "State": state, "Created": 1767225600, "Labels": {**LABELS, **labels}}


def test_sources(docker: Docker, daemon: Daemon, archive: LogArchive, tmp_path: Path) -> None:
    names = ("a", "b", "c", "d", "e")
    items = [listed("a"), listed("b", "exited"), listed("c"), listed("d", "created"), listed("e")]
    daemon.answers["GET /containers/json"] = (200, items)
    for name in names:
        data = inspected(tmp_path, name, "syslog" if name == "c" else "local", started=name != "d")
        daemon.answers[f"GET /containers/{name}/json"] = (200, data)
    daemon.answers["GET /containers/e/json"] = (404, {"message": "gone"})
    writer = Writer(tmp_path / "b/local-logs/container.log")
    writer.write(1, b"from b")
    logs = Logs(docker, archive)
    found = {source.id: source for source in logs.sources("shop")}
    assert set(found) == {"a", "b", "c"}
    assert found["a"].changed == 0 and found["b"].changed > 0 and not found["c"].is_readable
    assert [line.text for line in logs.open(found["b"], 0).read()] == [b"from b"]
    # It is asked once about each, but for what is not started yet.
    daemon.answers["GET /containers/d/json"] = (200, inspected(tmp_path, "d"))
    daemon.calls.clear()
    items[3] = listed("d")
    assert {source.id for source in logs.sources("shop")} == {"a", "b", "c", "d"}
    assert sorted(call for call in daemon.calls if "/containers/json" not in call) == [
        "GET /containers/d/json",
        "GET /containers/e/json",
    ]


def test_one_that_was_removed(docker: Docker, daemon: Daemon, archive: LogArchive, tmp_path: Path) -> None:
    daemon.answers["GET /containers/json"] = (200, [listed("a")])
    daemon.answers["GET /containers/a/json"] = (200, inspected(tmp_path, "a"))
    daemon.answers["DELETE /containers/a"] = (204, None)
    writer = Writer(tmp_path / "a/local-logs/container.log")
    writer.write(1, b"1")
    logs = Logs(docker, archive)
    (source,) = logs.sources("shop")
    log = logs.open(source, 0)
    assert [line.text for line in log.read()] == [b"1"]
    writer.write(2, b"2")
    docker.remove(ServiceContainer("a", "api", "", "", "exited", 0, 0))
    # In both for a moment: still Docker's.
    assert [found.is_over for found in logs.sources("shop")] == [False]
    writer.path.unlink()
    daemon.answers["GET /containers/json"] = (200, [])
    assert [line.text for line in log.read()] == [b"2"] and log.read() == [] and log.ended
    (source,) = logs.sources("shop")
    assert source.is_over and [line.text for line in logs.open(source, 0).read()] == [b"1", b"2"]
