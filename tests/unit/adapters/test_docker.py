# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's adapter against a socket that answers with what Docker 26 answered, and a `docker` command that notes."""

from __future__ import annotations

import copy
import json
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.log_files import Writer
from fakes.servers import Daemon, docker_at

from release.adapters.docker import PROJECT_SERVICE, Docker
from release.adapters.log_archive import LogArchive
from release.adapters.log_files import LogFiles
from release.errors import OperationError
from release.releases.runtime import Container, Image, Placed

IMAGE = "sha256:9183f983daba6e9171b88d712107f67281592d11771cfb2cd59e8d9e74d4af3e"
ID = "d5531f1fd5a719d79d070f042fe4d937ceb45a381d8533087de9e2853dc98f6c"
LABELS = {
    "release.onehost.stack": "shop",
    "release.onehost.environment": "staging",
    "release.onehost.app": "api",
    "release.onehost.slot": "blue",
    "release.onehost.id": "r1",
    "release.onehost.created-from": "f1",
}
INSPECTED: dict[str, Any] = {
    "Id": ID,
    "Created": "2026-11-21T05:01:33.021307567Z",
    "State": {
        "Status": "running",
        "Running": True,
        "Restarting": False,
        "ExitCode": 0,
        "StartedAt": "2026-11-21T05:01:33.284672578Z",
    },
    "Image": IMAGE,
    "RestartCount": 2,
    "Config": {"Labels": LABELS},
}
CONTAINER = Container(ID, "api", "blue", "r1", "f1", IMAGE, "running", 0, 2, "2026-11-21T05:01:33.284672578Z")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with docker_at(str(tmp_path / "docker.sock")) as server:
        yield server


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    # Whatever this machine has installed.
    monkeypatch.setattr("release.adapters.docker.PLUGINS", (str(tmp_path / "plugins"),))
    return Docker(str(tmp_path / "docker.sock"))


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` command that does what the file it returns says, and notes how it was called."""
    script = tmp_path / "bin" / "docker"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/called\nenv >{tmp_path}/env\n. {tmp_path}/behaviour\n')
    script.chmod(0o755)
    (tmp_path / "behaviour").write_text("exit 0\n")
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    return tmp_path / "behaviour"


def test_image(docker: Docker, daemon: Daemon) -> None:
    config = {"Cmd": ["bash"], "Labels": {"a": "b"}}
    daemon.answers["GET /images/api:staging/json"] = 200, {"Id": IMAGE, "Size": 251792121, "Config": config}
    assert docker.image("api:staging") == Image(IMAGE, {"a": "b"}, 251792121)
    daemon.answers["GET /images/api:staging/json"] = 200, {"Id": IMAGE, "Config": {"Labels": None}}
    assert docker.image("api:staging") == Image(IMAGE, {}, 0)
    daemon.answers["GET /images/none:none/json"] = 404, {"message": "No such image: none:none"}
    assert docker.image("none:none") is None
    daemon.answers["GET /images/bad:bad/json"] = 500, {"message": "broken"}
    with pytest.raises(OperationError, match="broken"):
        docker.image("bad:bad")


def test_image_with_label(docker: Docker, daemon: Daemon) -> None:
    def images(query: dict[str, str]) -> tuple[int, Any]:
        assert json.loads(query["filters"]) == {"label": ["source=x"]}
        return 200, [
            {"Id": "old", "Created": 1795232850, "Labels": {"source": "x"}, "Size": 1},
            {"Id": "new", "Created": 1795232950, "Labels": {"source": "x"}, "Size": 2},
        ]

    daemon.answers["GET /images/json"] = images
    found = docker.image_with_label("source", "x")
    assert found and found.id == "new"
    daemon.answers["GET /images/json"] = 200, []
    assert docker.image_with_label("source", "x") is None


def test_tag(docker: Docker, daemon: Daemon) -> None:
    daemon.answers[f"POST /images/{IMAGE}/tag"] = 201, None
    docker.tag(IMAGE, "api", "production")
    assert daemon.calls == [f"POST /images/{IMAGE}/tag?repo=api&tag=production"]
    daemon.answers["POST /images/sha256:0000/tag"] = 404, {"message": "No such image: sha256:0000"}
    with pytest.raises(OperationError, match="404 No such image: sha256:0000"):
        docker.tag("sha256:0000", "a", "b")


@pytest.mark.parametrize(("tags", "removed"), [(["api:rollback", "api:abc"], True), (["api:rollback"], False)])
def test_untag_never_removes_an_image(docker: Docker, daemon: Daemon, tags: list[str], removed: bool) -> None:
    daemon.answers["GET /images/api:rollback/json"] = 200, {"Id": IMAGE, "RepoTags": tags}
    daemon.answers["DELETE /images/api:rollback"] = 200, [{"Untagged": "api:rollback"}]
    docker.untag("api:rollback")
    assert ("DELETE /images/api:rollback?noprune=true" in daemon.calls) is removed


def test_untag_what_is_not_there(docker: Docker, daemon: Daemon) -> None:
    daemon.answers["GET /images/api:rollback/json"] = 404, {"message": "No such image"}
    docker.untag("api:rollback")
    assert len(daemon.calls) == 1


def test_containers(docker: Docker, daemon: Daemon) -> None:
    listed: dict[str, str] = {}

    def containers(query: dict[str, str]) -> tuple[int, Any]:
        listed.update(query)
        by_hand = {key: value for key, value in LABELS.items() if not key.endswith("slot")}
        return 200, [{"Id": ID, "Labels": LABELS}, {"Id": "gone", "Labels": LABELS}, {"Id": "hand", "Labels": by_hand}]

    daemon.answers["GET /containers/json"] = containers
    daemon.answers[f"GET /containers/{ID}/json"] = 200, INSPECTED
    daemon.answers["GET /containers/gone/json"] = 404, {"message": "No such container: gone"}
    assert docker.containers("shop", "staging", "blue") == [CONTAINER]
    assert listed["all"] == "true"
    assert json.loads(listed["filters"])["label"] == [
        "release.onehost.stack=shop",
        "release.onehost.environment=staging",
        "release.onehost.slot=blue",
    ]
    docker.containers("shop", "staging")
    assert len(json.loads(listed["filters"])["label"]) == 2


def test_where_containers_are(docker: Docker, daemon: Daemon) -> None:
    """One question, and none for each container."""
    by_hand = {key: value for key, value in LABELS.items() if not key.endswith("slot")}
    listed = [{"Id": ID, "Labels": LABELS, "State": "exited"}, {"Id": "h", "Labels": by_hand, "State": "running"}]
    daemon.answers["GET /containers/json"] = 200, listed
    assert docker.placed("shop", "staging") == [Placed(CONTAINER.slot, CONTAINER.release, "exited")]
    assert len(daemon.calls) == 1


def test_start_and_stop(docker: Docker, daemon: Daemon) -> None:
    daemon.answers[f"POST /containers/{ID}/start"] = 304, None
    daemon.answers[f"POST /containers/{ID}/stop"] = 204, None
    docker.start([CONTAINER])
    docker.stop([CONTAINER], {"api": 25})
    docker.stop([CONTAINER], {})
    docker.start([])
    assert daemon.calls == [
        f"POST /containers/{ID}/start",
        f"POST /containers/{ID}/stop?t=25",
        f"POST /containers/{ID}/stop?t=10",
    ]


def test_start_and_stop_what_is_gone(docker: Docker, daemon: Daemon) -> None:
    daemon.answers[f"POST /containers/{ID}/stop"] = 404, {"message": f"No such container: {ID}"}
    docker.stop([CONTAINER], {})
    daemon.answers[f"POST /containers/{ID}/start"] = 404, {"message": f"No such container: {ID}"}
    with pytest.raises(OperationError, match="No such container"):
        docker.start([CONTAINER])


@pytest.mark.parametrize(
    "body",
    [b"", b"nonsense\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}"],
    ids=["nothing", "nonsense", "half an answer"],
)
def test_daemon_dies_while_it_answers(docker: Docker, daemon: Daemon, body: bytes) -> None:
    daemon.answers["GET /images/api:staging/json"] = 0, body
    with pytest.raises(OperationError, match="systemctl start docker"):
        docker.image("api:staging")


def test_daemon_is_down(docker: Docker) -> None:
    with pytest.raises(OperationError, match="Docker does not answer"):
        docker.containers("shop", "staging")


def test_an_error_that_is_no_json(docker: Docker, daemon: Daemon) -> None:
    daemon.answers["GET /containers/json"] = 502, b"bad gateway"
    with pytest.raises(OperationError, match="502 bad gateway"):
        docker.containers("shop", "staging")


def test_docker_s_own_check(docker: Docker, daemon: Daemon) -> None:
    inspected = copy.deepcopy(INSPECTED)
    inspected["State"] |= {
        "Pid": 0,
        "Health": {"Status": "unhealthy", "Log": [{"Output": "a"}, {"Output": "no\nqueue "}]},
    }
    inspected["Config"]["Healthcheck"] = {"Test": ["CMD", "/check"], "Interval": 30}
    daemon.answers["GET /containers/json"] = 200, [{"Id": ID, "Labels": LABELS}]
    daemon.answers[f"GET /containers/{ID}/json"] = 200, inspected
    (found,) = docker.containers("shop", "staging")
    assert (found.health, found.health_said, found.health_test) == ("unhealthy", "no queue", ("CMD", "/check"))
    inspected["State"]["Health"] = {"Status": "none", "Log": None}
    (found,) = docker.containers("shop", "staging")
    assert (found.health, found.health_said) == ("", "")


def frame(kind: int, text: bytes) -> bytes:
    return bytes([kind, 0, 0, 0]) + len(text).to_bytes(4, "big") + text


def test_run(docker: Docker, daemon: Daemon) -> None:
    daemon.answers[f"POST /containers/{ID}/exec"] = 201, {"Id": "e1"}
    daemon.answers["POST /exec/e1/start"] = 200, frame(1, b"no \n") + frame(2, b"queue\n")
    daemon.answers["GET /exec/e1/json"] = 200, {"ExitCode": 3, "Running": False}
    assert docker.run(CONTAINER, ["ping", "-c", "1"], 5) == (3, "no queue")
    daemon.answers["POST /exec/e1/start"] = 200, b"plain"
    daemon.answers["GET /exec/e1/json"] = 200, {"ExitCode": 0}
    assert docker.run(CONTAINER, ["ping"], 5) == (0, "plain")


def test_run_what_cannot_be_run(docker: Docker, daemon: Daemon) -> None:
    daemon.answers[f"POST /containers/{ID}/exec"] = 409, {"message": "container is not running"}
    assert docker.run(CONTAINER, ["ping"], 5) == (-1, "container is not running")
    daemon.answers[f"POST /containers/{ID}/exec"] = 201, {"Id": "e1"}
    daemon.answers["POST /exec/e1/start"] = 0, b""
    assert docker.run(CONTAINER, ["ping"], 5)[0] == -1


def test_run_takes_no_longer_than_it_may(docker: Docker, daemon: Daemon) -> None:
    def late(query: dict[str, str]) -> tuple[int, Any]:
        time.sleep(0.5)
        return 200, b""

    daemon.answers[f"POST /containers/{ID}/exec"] = 201, {"Id": "e1"}
    daemon.answers["POST /exec/e1/start"] = late
    assert docker.run(CONTAINER, ["ping"], 0.1) == (-1, "did not end within 0.1 s")


@pytest.mark.parametrize("codes", [["3"], ["1", "3"]])
def test_the_last_exit_code_of_what_runs_again(docker: Docker, daemon: Daemon, codes: list[str]) -> None:
    """Its state says 0 by then."""
    asked: dict[str, str] = {}

    def events(query: dict[str, str]) -> tuple[int, Any]:
        asked.update(query)
        lines = [json.dumps({"Type": "container", "Actor": {"Attributes": {"exitCode": code}}}) for code in codes]
        return 200, "\n".join(lines).encode()

    daemon.answers["GET /events"] = events
    assert docker.last_exit(CONTAINER) == 3
    assert json.loads(asked["filters"]) == {"container": [ID], "event": ["die"]} and float(asked["until"]) > 0


def test_the_last_exit_code_is_that_of_the_state_otherwise(docker: Docker, daemon: Daemon) -> None:
    assert docker.last_exit(replace(CONTAINER, state="exited", exit_code=4)) == 4
    assert docker.last_exit(replace(CONTAINER, restarts=0)) == 0
    daemon.answers["GET /events"] = 200, b""
    assert docker.last_exit(CONTAINER) == 0
    daemon.answers["GET /events"] = 500, {"message": "no"}
    assert docker.last_exit(CONTAINER) == 0


def test_compose(docker: Docker, command: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "value")
    docker.create_and_start("/state/compose.json", "/srv/shop", ["api", "mail"])
    called = (tmp_path / "called").read_text()
    # A `.env` of the owner's in that directory is not read.
    words = "compose --file /state/compose.json --env-file /dev/null --project-directory /srv/shop up --detach"
    assert called.startswith(f"{words} --no-build")
    assert called.endswith("--no-deps api mail\n") and "--remove-orphans" in called
    assert "SECRET" not in (tmp_path / "env").read_text(), "nothing of ours that a file could interpolate"


def test_compose_as_a_plugin_is_started_itself(docker: Docker, command: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "plugins" / "docker-compose"
    plugin.parent.mkdir()
    plugin.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/plugin\n')
    plugin.chmod(0o755)
    docker.create_and_start("/state/compose.json", "/srv/shop", ["api"])
    words = "--file /state/compose.json --env-file /dev/null --project-directory /srv/shop up --detach --no-build"
    assert (tmp_path / "plugin").read_text().startswith(words)
    assert not (tmp_path / "called").exists()


def test_compose_fails(docker: Docker, command: Path) -> None:
    command.write_text("echo ' Container x  Creating' >&2; echo 'port is already allocated' >&2; exit 1\n")
    with pytest.raises(OperationError, match="port is already allocated") as caught:
        docker.create_and_start("/state/compose.json", "/srv/shop", [])
    assert len(caught.value.log) == 2
    command.write_text("exit 1\n")
    with pytest.raises(OperationError, match="no output"):
        docker.create_and_start("/state/compose.json", "/srv/shop", [])


def test_compose_is_not_there(docker: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OperationError, match="Compose did not finish"):
        docker.create_and_start("/state/compose.json", "/srv/shop", [])
    assert "cannot be read" in docker.logs(CONTAINER, 5)[0]


def test_logs(docker: Docker, command: Path, tmp_path: Path) -> None:
    command.write_text("echo out; echo err >&2\n")
    assert sorted(docker.logs(CONTAINER, 5)) == ["err", "out"]
    assert (tmp_path / "called").read_text() == f"logs --tail 5 {ID}\n"


def test_build(docker: Docker, command: Path, tmp_path: Path) -> None:
    command.write_text(
        'for app; do :; done\necho "#7 [$app 2/3] COPY . ."\n'
        '[ $app = good ] || { echo "#8 [bad 3/3] RUN false"; echo "#8 0.2 it broke"; echo "#8 ERROR: x"; exit 1; }\n'
    )
    told: list[str] = []
    results = {r.app: r for r in docker.build("/state/build.json", ["good", "bad"], True, told.append)}
    assert results["good"].ok and not results["bad"].ok
    assert (results["bad"].step, results["bad"].log) == ("[bad 3/3] RUN false", ("it broke",))
    assert "good: [good 2/3] COPY . ." in told and any(line.startswith("good: built in") for line in told)
    assert "build --no-cache --pull good" in (tmp_path / "called").read_text()
    docker.build("/state/build.json", ["good"], False, told.append)
    assert (tmp_path / "called").read_text().endswith("compose --file /state/build.json build good\n")


def test_logs_of_what_compose_replaces_are_kept(docker: Docker, daemon: Daemon, command: Path, tmp_path: Path) -> None:
    """Those of orphans and of what was created from something else, which are stopped first; no other is touched."""
    archive = LogArchive(str(tmp_path / "state"))
    keeping = Docker(docker.path, archive)
    compose = tmp_path / "compose.json"
    services = {name: {"labels": {"release.onehost.created-from": "new"}} for name in ("api", "web")}
    compose.write_text(json.dumps({"name": "shop-staging-blue", "services": services}))

    def container(name: str, created_from: str, state: str) -> dict[str, Any]:
        labels = {**LABELS, PROJECT_SERVICE: name, "release.onehost.created-from": created_from}
        Writer(tmp_path / name / "local-logs/container.log").write(1, name.encode())
        daemon.answers[f"GET /containers/{name}/json"] = (
            200,
            {
                **INSPECTED,
                "Id": name,
                "HostnamePath": str(tmp_path / name / "hostname"),
                "HostConfig": {"LogConfig": {"Type": "local"}},
                "Config": {"Labels": labels},
            },
        )
        daemon.answers[f"POST /containers/{name}/stop"] = (204, None)
        return {"Id": name, "State": state, "Labels": labels}

    items = [container("api", "old", "exited"), container("web", "new", "running"), container("gone", "new", "running")]
    daemon.answers["GET /containers/json"] = (200, items)
    keeping.create_and_start(str(compose), "/srv/shop", ["api"])
    assert sorted(source.id for source in archive.sources("shop")) == ["api", "gone"]
    assert [call for call in daemon.calls if "stop" in call] == ["POST /containers/gone/stop"]
    assert "shop-staging-blue" in urllib.parse.unquote(daemon.calls[0])
    assert "up --detach" in (tmp_path / "called").read_text()


def test_logs_of_builds_are_kept(docker: Docker, command: Path, tmp_path: Path) -> None:
    archive = LogArchive(str(tmp_path / "state"))
    compose = tmp_path / "build.json"
    compose.write_text(json.dumps({"name": "shop-build", "services": {"api": {"image": "api:abcdef123456"}}}))
    command.write_text("echo '#7 [api 2/3] COPY . .'; echo '#8 ERROR: x'; exit 1\n")
    Docker(docker.path, archive).build(str(compose), ["api"], False, len)
    (source,) = archive.sources("shop")
    assert (source.kind, source.app, source.release, source.is_over) == ("build", "api", "abcdef123456", True)
    log = LogFiles(archive.path(source), source.driver, str)
    assert [line.text for line in log.read()] == [b"#7 [api 2/3] COPY . .", b"#8 ERROR: x"]
