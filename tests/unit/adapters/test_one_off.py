# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-off runs on Docker's socket, and their records on a real disk."""

from __future__ import annotations

import dataclasses
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.servers import Daemon, docker_at

from release.adapters.docker import Docker
from release.adapters.one_off import OneOff
from release.adapters.run_files import KEPT, RunFiles
from release.errors import OperationError
from release.releases.runs import Run, RunContainer, run_id

RUN = Run("20260101T000000Z-staging-api", "shop", "staging", "api", "r1", "person", 1.0, command=("a", "b"))
LABELS = {"release.onehost.run": RUN.id, "release.onehost.app": "api"}
INSPECTED: dict[str, Any] = {
    "Id": "1" * 64,
    "State": {"Status": "exited", "ExitCode": 3},
    "Config": {"Labels": LABELS},
}
FOUND = RunContainer("1" * 64, "api", RUN.id, "exited", 3)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with docker_at(str(tmp_path / "docker.sock")) as server:
        yield server


@pytest.fixture
def one_off(tmp_path: Path) -> OneOff:
    return OneOff(Docker(str(tmp_path / "docker.sock")))


def test_containers_of_runs(one_off: OneOff, daemon: Daemon) -> None:
    asked: list[Any] = []

    def listed(query: dict[str, str]) -> tuple[int, Any]:
        asked.append(json.loads(query["filters"])["label"])
        return 200, [{"Id": "1" * 64}, {"Id": "2" * 64}]

    daemon.answers["GET /containers/json"] = listed
    daemon.answers[f"GET /containers/{'1' * 64}/json"] = 200, INSPECTED  # the other is removed meanwhile
    assert one_off.found("shop", "staging") == [FOUND]
    assert asked == [["release.onehost.stack=shop", "release.onehost.environment=staging", "release.onehost.run"]]


def test_stopping_and_removing(one_off: OneOff, daemon: Daemon) -> None:
    seconds: list[str] = []

    def stopped(query: dict[str, str]) -> tuple[int, Any]:
        seconds.append(query["t"])
        return 204, None

    daemon.answers[f"POST /containers/{FOUND.id}/stop"] = stopped
    daemon.answers[f"DELETE /containers/{FOUND.id}"] = 204, None
    one_off.stop(FOUND, 7)
    one_off.remove(FOUND)
    assert seconds == ["7"]


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    runs = RunFiles(str(tmp_path))
    runs.write(RUN)
    ended = dataclasses.replace(RUN, ended=4.5, exit_code=3, outcome="failed", log=("one", "two"))
    runs.write(ended)
    assert runs.records("shop") == [ended] == [runs.record("shop", RUN.id)]
    assert runs.record("shop", "unknown") is None and runs.records("other") == []
    file = tmp_path / "shop" / "runs" / f"{RUN.id}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("text", ["", "[]", "{", '{"id": 1}', '{"id": "x", "stack": "other"}'])
def test_a_record_that_is_damaged_is_none(tmp_path: Path, text: str) -> None:
    runs = RunFiles(str(tmp_path))
    runs.write(RUN)
    (tmp_path / "shop" / "runs" / f"{RUN.id}.json").write_text(text)
    assert runs.records("shop") == [] and runs.record("shop", RUN.id) is None


def test_only_the_newest_records_of_an_app_are_kept(tmp_path: Path) -> None:
    runs = RunFiles(str(tmp_path))
    other = dataclasses.replace(RUN, id="19690101T000000Z-staging-mail", app="mail", ended=1.0)
    runs.write(other)
    for number in range(KEPT + 3):
        name = run_id(number, "staging", "api", [run.id for run in runs.records("shop")])
        runs.write(dataclasses.replace(RUN, id=name, ended=2.0))
    found = runs.records("shop")
    assert len(found) == KEPT + 1 and other in found
    assert min(run.id for run in found if run.app == "api") == "19700101T000003Z-staging-api"


def test_two_that_end_at_the_same_time_may_both_remove_what_is_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = RunFiles(str(tmp_path))
    there = runs._names
    gone = [f"19690101T0000{number:02}Z-staging-api" for number in range(KEPT)]
    monkeypatch.setattr(runs, "_names", lambda stack: sorted([*gone, *there(stack)]))
    ended = dataclasses.replace(RUN, ended=2.0)
    runs.write(ended)
    assert runs.records("shop") == [ended]


def test_what_a_run_is_created_from_goes_with_it(tmp_path: Path) -> None:
    runs = RunFiles(str(tmp_path))
    path = runs.place(RUN, {"services": {}})
    assert json.loads(Path(path).read_text()) == {"services": {}}
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    assert runs.records("shop") == []
    runs.clear(RUN)
    runs.clear(RUN)
    assert list((tmp_path / "shop" / "runs").iterdir()) == []


def test_created_to_be_attached_to(
    one_off: OneOff, daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "compose.json"
    file.write_text(json.dumps({"name": "shop-run-1"}))
    composed: list[Any] = []
    monkeypatch.setattr(one_off.docker, "_compose", lambda *arguments: composed.append(arguments))
    daemon.answers["GET /containers/json"] = 200, [{"Id": "1" * 64}]
    assert one_off.create(str(file), "/srv", "api_run", reads=False) == "1" * 64
    assert composed == [(str(file), "/srv", ["create", "--no-build", "api_run"])]
    assert [call for call in daemon.calls if not call.startswith("GET")] == []


def test_one_with_an_input_that_ends_is_the_same_but_for_that(
    one_off: OneOff, daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compose has no word for it, so the container is created once more, from what Docker says of the first."""
    file = tmp_path / "compose.json"
    file.write_text(json.dumps({"name": "shop-run-1"}))
    monkeypatch.setattr(one_off.docker, "_compose", lambda *_: None)
    config = {"Hostname": "1" * 12, "User": "10001", "Env": ["A=b"], "Labels": LABELS, "OpenStdin": True}
    rights = {"SecurityOpt": ["no-new-privileges:true"], "Memory": 5, "Privileged": False}
    daemon.answers["GET /containers/json"] = 200, [{"Id": "1" * 64}]
    daemon.answers[f"GET /containers/{'1' * 64}/json"] = (
        200,
        {
            "Id": "1" * 64,
            "Name": "/shop-run-1-api_run-1",
            "Config": config,
            "HostConfig": rights,
            "NetworkSettings": {"Networks": {"shop-blue": {"Aliases": ["api_run", "x"], "IPAddress": ""}}},
        },
    )
    daemon.answers[f"DELETE /containers/{'1' * 64}"] = 204, None
    sent: list[Any] = []
    call = one_off.docker.call

    def spy(method: str, path: str, *arguments: Any, **more: Any) -> Any:
        sent.append((path, arguments, more.get("body")))
        return call(method, path, *arguments, **more)

    monkeypatch.setattr(one_off.docker, "call", spy)
    daemon.answers["POST /containers/create"] = 201, {"Id": "2" * 64}
    assert one_off.create(str(file), "/srv", "api_run", reads=True) == "2" * 64
    path, [query], body = sent[-1]
    assert (path, query) == ("/containers/create", {"name": "shop-run-1-api_run-1"})
    del config["Hostname"]
    assert {key: body[key] for key in config} == config and body["HostConfig"] == rights
    assert body["StdinOnce"] and body["NetworkingConfig"] == {
        "EndpointsConfig": {"shop-blue": {"Aliases": ["api_run"]}}
    }
    assert f"DELETE /containers/{'1' * 64}?force=true&v=true" in daemon.calls
    daemon.answers["POST /containers/create"] = 409, {"message": "in use"}
    with pytest.raises(OperationError, match="in use"):
        one_off.create(str(file), "/srv", "api_run", reads=True)


def test_those_that_go_on_have_files(tmp_path: Path) -> None:
    runs = RunFiles(str(tmp_path))
    assert runs.going("shop") == []
    runs.write(RUN)
    assert runs.going("shop") == []
    runs.place(RUN, {})
    runs.write_env(RUN, {"common": b"A='1'\n"})
    assert runs.going("shop") == [RUN]
    env = Path(runs.home(RUN)) / "env.common"
    assert env.read_bytes() == b"A='1'\n" and stat.S_IMODE(env.stat().st_mode) == 0o600
    runs.clear(RUN)
    assert runs.going("shop") == []


def test_of_what_somebody_typed_the_program_alone_is_written(tmp_path: Path) -> None:
    runs = RunFiles(str(tmp_path))
    typed = dataclasses.replace(RUN, why="command", command=("psql", "--password=hunter2", "x"))
    runs.write(typed)
    assert "hunter2" not in (tmp_path / "shop" / "runs" / f"{RUN.id}.json").read_text()
    assert runs.records("shop") == [dataclasses.replace(typed, command=("psql",), words=2)]
