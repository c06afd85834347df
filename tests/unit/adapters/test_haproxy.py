# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The router's adapter against a server that speaks as HAProxy's runtime socket does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.servers import Haproxy, haproxy_at
from support.commands import commands

from release.adapters import haproxy_replicas
from release.adapters.haproxy import HAProxy
from release.errors import OperationError
from release.planning.witnesses import Word
from release.releases.reach import Reach
from release.releases.release import Live
from release.stack.model import Slot

HEAD = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,"
STAT = f"""{HEAD}
shop-production,FRONTEND,,,7,9,8192,31,
shop-production-api-blue,BACKEND,0,0,3,4,820,17,
shop-production-api-green,BACKEND,0,0,0,1,820,4,
shop-production-front-blue,BACKEND,0,0,,1,820,4,
shop-staging-api-blue,BACKEND,0,0,5,6,820,9,
onehost-no-release,BACKEND,0,0,0,0,820,0,

"""


@pytest.fixture
def haproxy(tmp_path: Path) -> Iterator[Haproxy]:
    with haproxy_at(str(tmp_path / "admin.sock")) as server:
        server.maps[str(tmp_path / "shop-production.map")] = {"live": "none/none"}
        server.stat = STAT
        yield server


@pytest.fixture
def router(tmp_path: Path) -> HAProxy:
    (tmp_path / "shop-production.map").write_text("live none/none\n")
    return HAProxy(str(tmp_path / "admin.sock"), str(tmp_path))


def test_memory_and_file_move_together(router: HAProxy, haproxy: Haproxy, tmp_path: Path) -> None:
    assert router.live("shop", "production") is None
    router.set_live("shop", "production", Live("blue", "r1"))
    assert router.live("shop", "production") == Live("blue", "r1")
    path = tmp_path / "shop-production.map"
    assert path.read_text() == "live blue/r1\n" and path.stat().st_mode & 0o777 == 0o644
    assert haproxy.maps[str(path)] == {"live": "blue/r1"}
    router.set_live("shop", "production", None)
    assert router.live("shop", "production") is None and haproxy.maps[str(path)] == {"live": "none/none"}


def test_haproxy_is_up(router: HAProxy, haproxy: Haproxy) -> None:
    assert router.problem() is None


def test_sessions(router: HAProxy, haproxy: Haproxy) -> None:
    assert router.sessions("shop", "production", "blue") == {"api": 3, "front": 0}
    assert router.sessions("shop", "production", "green") == {"api": 0}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ("live", "names no slot"),
        ("live red/x\n", "names no slot"),
        ("dead blue/x\n", "names no slot"),
        ("live blue/\n", "names no slot"),
        ("live blue/a\nlive green/b\n", "names no slot"),
    ],
)
def test_a_file_that_names_no_slot(router: HAProxy, tmp_path: Path, text: str, why: str) -> None:
    """That is not the same as one that says that nothing is live."""
    (tmp_path / "shop-production.map").write_text(text)
    assert router.live("shop", "production") is None
    assert why in router.file("shop", "production").trouble


def test_a_file_that_is_none(router: HAProxy, tmp_path: Path) -> None:
    assert router.file("shop", "staging").trouble.endswith("shop-staging.map is missing")
    (tmp_path / "shop-staging.map").mkdir()
    assert router.file("shop", "staging").trouble.endswith("shop-staging.map cannot be read: Is a directory")
    router.write_file("shop", "staging", None)
    assert router.file("shop", "staging") == Word()


def test_what_memory_says(router: HAProxy, haproxy: Haproxy, tmp_path: Path) -> None:
    entries = haproxy.maps[str(tmp_path / "shop-production.map")]
    assert router.memory("shop", "production") == router.file("shop", "production") == Word()
    entries["live"] = "green/r2"
    assert router.memory("shop", "production") == Word(Live("green", "r2"))
    entries.clear()
    assert router.memory("shop", "production") == Word(trouble="has an empty map")
    haproxy.maps.clear()
    assert router.memory("shop", "production") is None, "a stack of workers has no frontend"


def test_a_haproxy_that_is_down_has_no_memory(router: HAProxy) -> None:
    assert router.memory("shop", "production") is None


def test_an_environment_that_was_never_provisioned(router: HAProxy, haproxy: Haproxy, tmp_path: Path) -> None:
    assert router.live("shop", "staging") is None
    with pytest.raises(OperationError, match=r"onehost.release.provision"):
        router.set_live("shop", "staging", Live("blue", "r1"))
    assert not (tmp_path / "shop-staging.map").exists()


def test_a_file_that_was_removed_is_written_again(router: HAProxy, haproxy: Haproxy, tmp_path: Path) -> None:
    path = tmp_path / "shop-production.map"
    path.unlink()
    router.set_live("shop", "production", Live("blue", "r1"))
    assert path.read_text() == "live blue/r1\n" and haproxy.maps[str(path)] == {"live": "blue/r1"}


def test_the_file_alone(tmp_path: Path) -> None:
    """For an HAProxy that is yet to start."""
    router = HAProxy(str(tmp_path / "none.sock"), str(tmp_path / "switch"))
    router.write_file("shop", "staging", Live("green", "r2"))
    assert router.live("shop", "staging") == Live("green", "r2")
    assert router.lacks_closed("shop", "staging")
    router.set_closed("shop", "staging", {}, must_run=False)
    assert not router.lacks_closed("shop", "staging")


def test_haproxy_is_down(router: HAProxy, tmp_path: Path) -> None:
    """The file is right all the same: HAProxy reads it when it starts."""
    with pytest.raises(OperationError, match="the router \\(HAProxy\\) does not answer"):
        router.set_live("shop", "production", Live("blue", "r1"))
    assert (tmp_path / "shop-production.map").read_text() == "live blue/r1\n"
    problem = router.problem()
    assert problem and "does not answer: No such file" in problem.what and "systemctl restart haproxy" in problem.fix
    with pytest.raises(OperationError, match="systemctl status haproxy"):
        router.sessions("shop", "production", "blue")


def test_haproxy_was_started_with_an_empty_file(router: HAProxy, haproxy: Haproxy, tmp_path: Path) -> None:
    """Its memory has no entry to set."""
    haproxy.maps[str(tmp_path / "shop-production.map")] = {}
    router.set_live("shop", "production", Live("blue", "r1"))
    assert haproxy.maps[str(tmp_path / "shop-production.map")] == {"live": "blue/r1"}


def test_haproxy_refuses(router: HAProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "command", lambda text: "Permission denied\n")
    with pytest.raises(OperationError, match="Permission denied"):
        router.set_live("shop", "production", Live("blue", "r1"))


def test_a_stack_of_workers_has_no_frontend(router: HAProxy, haproxy: Haproxy) -> None:
    haproxy.maps.clear()
    router.set_live("shop", "production", Live("blue", "r1"))
    assert router.live("shop", "production") == Live("blue", "r1")


def test_closed_routes_are_replaced_in_one_step(router: HAProxy, haproxy: Haproxy, tmp_path: Path) -> None:
    path = str(tmp_path / "shop-production-off.map")
    haproxy.maps[path] = {"api/old/": "old"}
    router.set_closed("shop", "production", {"api/b/": "two", "api/a/": "one"})
    assert haproxy.maps[path] == router.closed("shop", "production") == {"api/a/": "one", "api/b/": "two"}
    assert haproxy.commands == [
        f"prepare map {path}",
        f"add map @1 {path} api/a/ one",
        f"add map @1 {path} api/b/ two",
        f"commit map @1 {path}",
    ]


def test_closed_routes_of_a_stack_without_a_frontend(router: HAProxy, haproxy: Haproxy) -> None:
    router.set_closed("shop", "staging", {})
    assert router.closed("shop", "staging") == {}


def test_the_ports_of_the_apps_in_each_slot(router: HAProxy, haproxy: Haproxy, tmp_path: Path) -> None:
    path = tmp_path / "shop-production-reach.map"
    assert router.reach("shop", "production") == {}
    haproxy.maps[str(path)] = {"old/blue": "1/start_first"}
    slots: dict[Slot, dict[str, Reach]] = {"blue": {"api": Reach(21002)}, "green": {"front": Reach(21012, held=True)}}
    router.set_reach("shop", "production", slots)
    assert path.read_text() == "api/blue 21002/start_first\nfront/green 21012/stop_first\n"
    assert haproxy.maps[str(path)] == {"api/blue": "21002/start_first", "front/green": "21012/stop_first"}
    assert router.reach("shop", "production") == slots
    path.write_text("api/blue 21002/start_first\nnonsense\nfront/red 1/stop_first\nfront/blue x\n")
    assert router.reach("shop", "production") == {"blue": {"api": Reach(21002)}}


def test_ports_are_in_the_file_although_haproxy_is_down(router: HAProxy, tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="the router \\(HAProxy\\) does not answer"):
        router.set_reach("shop", "production", {"blue": {"api": Reach(21002)}})
    assert (tmp_path / "shop-production-reach.map").read_text() == "api/blue 21002/start_first\n"


def test_workers_alone_have_no_map_of_ports_in_memory(router: HAProxy, haproxy: Haproxy, tmp_path: Path) -> None:
    router.set_reach("shop", "staging", {"blue": {}})
    assert (tmp_path / "shop-staging-reach.map").read_text() == ""


SERVERS = {f"shop-production-api-{slot}:replicas/app-{n}": "maint" for slot in ("blue", "green") for n in range(1, 9)}


def ready(haproxy: Haproxy) -> list[str]:
    return [name.removeprefix("shop-production-api-") for name, state in haproxy.servers.items() if state == "ready"]


def test_places_of_replicas_are_taken_and_left(router: HAProxy, haproxy: Haproxy, tmp_path: Path) -> None:
    haproxy.maps[str(tmp_path / "shop-production-reach.map")] = {}
    haproxy.servers = dict(SERVERS)
    states = tmp_path / "shop-production-servers.state"
    router.set_reach("shop", "production", {"blue": {"api": Reach(21002), "front": Reach(21012, True, 2)}})
    assert not [command for command in haproxy.commands if "server" in command], "nobody has several"
    assert states.read_text() == haproxy_replicas.HEAD
    router.set_reach("shop", "production", {"blue": {"api": Reach(21002, replicas=3)}, "green": {"api": Reach(21003)}})
    assert ready(haproxy) == ["blue:replicas/app-1", "blue:replicas/app-2", "blue:replicas/app-3"]
    rows = states.read_text().removeprefix(haproxy_replicas.HEAD).splitlines()
    assert [row.split()[1:5] for row in rows] == [
        ["shop-production-api-blue:replicas", str(n), f"app-{n}", f"127.0.0.{n}"] for n in (1, 2, 3)
    ]
    router.set_reach("shop", "production", {"blue": {"api": Reach(21002)}, "green": {"api": Reach(21003, replicas=2)}})
    assert ready(haproxy) == ["green:replicas/app-1", "green:replicas/app-2"]
    assert haproxy.maps[str(tmp_path / "shop-production-reach.map")]["api/green"] == "21003/start_first/2"


def test_a_router_that_has_no_places_yet(router: HAProxy, haproxy: Haproxy, tmp_path: Path) -> None:
    haproxy.maps[str(tmp_path / "shop-production-reach.map")] = {}
    assert not router.knows_replicas("shop", "production", "api")
    router.set_reach("shop", "production", {"blue": {"api": Reach(21002, replicas=2)}})
    assert haproxy.maps[str(tmp_path / "shop-production-reach.map")] == {"api/blue": "21002/start_first/2"}
    haproxy.servers = dict(SERVERS)
    assert router.knows_replicas("shop", "production", "api")
    router.trust_replicas("shop", "production", "blue", {"api": 2})
    one, two = (f"set server shop-production-api-blue:replicas/app-{number} health up" for number in (1, 2))
    assert haproxy.commands[-1] == f"{one}; {two}"


def test_a_router_that_refuses(router: HAProxy, haproxy: Haproxy, monkeypatch: pytest.MonkeyPatch) -> None:
    haproxy.servers = dict(SERVERS)
    monkeypatch.setattr(
        haproxy_replicas, "commands", lambda *_: ["set server shop-production-api-blue:replicas/app-1 x y"]
    )
    with pytest.raises(OperationError, match="refused to change its servers"):
        router.set_reach("shop", "production", {"blue": {"api": Reach(21002, replicas=2)}})


def test_requests_of_each_replica(router: HAProxy, haproxy: Haproxy) -> None:
    haproxy.stat = f"""{HEAD}
shop-production-api-blue,BACKEND,0,0,1,4,820,17,
shop-production-api-blue:replicas,app-1,0,0,2,4,820,17,
shop-production-api-blue:replicas,app-2,0,0,,4,820,17,
shop-production-api-blue:replicas,any,0,0,7,4,820,17,
shop-production-api-blue:replicas,BACKEND,0,0,9,4,820,17,
shop-staging-api-blue:replicas,app-1,0,0,5,4,820,17,

"""
    assert router.replica_sessions("shop", "production", "blue", "api") == {1: 2, 2: 0}
    assert router.sessions("shop", "production", "blue") == {"api": 10}, "both backends of the app"


def test_a_router_that_is_down_knows_no_replicas(router: HAProxy) -> None:
    with pytest.raises(OperationError, match="does not answer"):
        router.knows_replicas("shop", "production", "api")
    with pytest.raises(OperationError, match="does not answer"):
        router.replica_sessions("shop", "production", "blue", "api")
    with pytest.raises(OperationError, match="does not answer"):
        router.trust_replicas("shop", "production", "blue", {"api": 2})


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("HA-Proxy version 2.2.9-2+deb11u6 2023/08/26 - https://haproxy.org/", "2.2"),
        ("HAProxy version 3.2.26-1 2026/10/14 - https://haproxy.org/", "3.2"),
        ("something else", ""),
    ],
)
def test_version_of_the_program(said: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", commands(tmp_path, haproxy=f"echo '{said}'"))
    assert HAProxy().version() == version


def test_version_of_a_program_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert HAProxy().version() == ""
