# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feature flags, turned, provisioned, and what they close."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import HEALTHY, SICK
from fakes.servers import Haproxy, haproxy_at
from fakes.stacks import changed_stack, renamed, shop_definition, shop_with_flags
from fakes.world import World

from release.adapters.haproxy import HAProxy
from release.adapters.store import Store
from release.errors import OperationError, RefusedError
from release.operations import flags
from release.ports import Host
from release.releases.lock_holder import LockHolder
from release.releases.runtime import ProbeTarget
from release.stack import flags as stack_flags
from release.stack.model import Stack

# Feature switches


HAPROXY: dict[str, Path] = {}
WHO = LockHolder.from_json({"person": "ann", "reason": "matches never end"})


@pytest.fixture(autouse=True)
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haproxy]:
    directory = tmp_path_factory.mktemp("switch")
    with haproxy_at(str(directory / "admin.sock")) as server:
        server.maps[str(directory / "shop-production-off.map")] = {}
        HAPROXY["directory"] = directory
        yield server


def the_router() -> HAProxy:
    return HAProxy(str(HAPROXY["directory"] / "admin.sock"), str(HAPROXY["directory"]))


@pytest.fixture
def host(world: World, tmp_path: Path) -> Host:
    """The faked host, with flags in files and a router that is asked over a socket."""
    return dataclasses.replace(world.host, store=Store(str(tmp_path)), router=the_router())


def turn(host: Host, flag: str, on: bool, stack: Stack | None = None, **options: Any) -> bool:
    return flags.set_flag(host, stack or shop_with_flags(), "production", flag, on, WHO, **options)


def provide(host: Host, stack: Stack, **options: Any) -> list[str]:
    return flags.provide(host, stack, **options)


def read(path: Path, environment: str, app: str) -> dict[str, bool]:
    result: dict[str, bool] = json.loads((path / "shop" / "flags" / environment / app / "flags.json").read_text())
    return result


def test_a_flag_is_turned_for_every_app_that_declares_it(host: Host, tmp_path: Path) -> None:
    provide(host, shop_with_flags())
    assert turn(host, "battle", False)
    assert read(tmp_path, "production", "api") == {"battle": False, "beta": False}
    assert read(tmp_path, "production", "mail") == {"battle": False}
    assert read(tmp_path, "staging", "api") == {"battle": True, "beta": False}


def test_turning_twice_changes_nothing(host: Host) -> None:
    assert turn(host, "battle", False)
    assert not turn(host, "battle", False)
    assert turn(host, "battle", True)


def test_a_turned_flag_stays_turned_when_defaults_are_written(host: Host, tmp_path: Path) -> None:
    turn(host, "battle", False)
    written = provide(host, shop_with_flags(new=None))
    assert [Path(path).parts[-3:] for path in written if "production" in path] == [("production", "api", "flags.json")]
    assert read(tmp_path, "production", "api") == {"battle": False, "beta": False, "new": True}
    assert provide(host, shop_with_flags(new=None)) == []


def test_who_and_why_are_recorded(host: Host, tmp_path: Path) -> None:
    turn(host, "battle", False)
    turn(host, "beta", False)
    known = host.store.flags(shop_with_flags(), "production")
    said = stack_flags.lines(shop_with_flags(), "production", known)
    assert len(said) == 1 and "flag battle is OFF" in said[0] and said[0].endswith("by ann matches never end")
    history = (tmp_path / "shop" / "flags" / "production" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["flag"] for line in history] == ["battle", "beta"]


def test_check_mode_turns_nothing(host: Host, tmp_path: Path) -> None:
    assert turn(host, "battle", False, write=False)
    assert list(tmp_path.iterdir()) == []


def test_an_undeclared_flag_is_refused(host: Host) -> None:
    with pytest.raises(RefusedError, match="choose from battle, beta"):
        turn(host, "fight", False)


def test_a_file_left_behind_by_a_kill_is_brought_up_to_date(host: Host, tmp_path: Path) -> None:
    turn(host, "battle", False)
    path = tmp_path / "shop" / "flags" / "production" / "api" / "flags.json"
    path.write_text("{}")
    assert not turn(host, "battle", False)
    assert read(tmp_path, "production", "api")["battle"] is False


@pytest.mark.parametrize("text", ["", "{", "[]", '{"battle": 5}'])
def test_a_record_that_is_damaged_is_made_anew_from_the_history(host: Host, tmp_path: Path, text: str) -> None:
    """What was turned off in an incident stays off."""
    turn(host, "battle", False)
    turn(host, "beta", True)
    turn(host, "beta", False)
    known = host.store.flags(shop_with_flags(), "production")
    home = tmp_path / "shop" / "flags" / "production"
    (home / "turned.json").write_text(text)
    with (home / "history.jsonl").open("a") as file:
        file.write('{"flag": "battle", "on"')
    assert host.store.flags(shop_with_flags(), "production") == known
    assert provide(host, shop_with_flags()) == [] or read(tmp_path, "production", "api")["battle"] is False
    (home / "history.jsonl").unlink()
    with pytest.raises(RefusedError, match=r"turned\.json: cannot be read"):
        host.store.flags(shop_with_flags(), "production")


def test_maps_of_closed_routes_are_made_anew(host: Host) -> None:
    turn(host, "battle", False, with_routes())
    path = HAPROXY["directory"] / "shop-production-off.map"
    before = path.read_text()
    path.unlink()
    (HAPROXY["directory"] / "shop-staging-off.map").touch()
    assert flags.provide_maps(host, "shop", with_routes(), write=False) == ["production: closed routes"]
    assert not path.exists()
    assert flags.provide_maps(host, "shop", with_routes()) == ["production: closed routes"]
    assert path.read_text() == before and flags.provide_maps(host, "shop", with_routes()) == []
    path.unlink()
    assert flags.provide_maps(host, "shop", None) and path.read_text() == "", "its definition cannot be read"


# Routes that a flag closes


BATTLE = {"default": True, "route": "/battle"}


def with_routes() -> Stack:
    return shop_with_flags(battle=BATTLE, beta={"default": False, "route": "/Beta/inner"}, all={"route": "/"})


def test_a_flag_closes_its_route_at_once_and_for_good(host: Host, haproxy: Haproxy) -> None:
    path = str(HAPROXY["directory"] / "shop-production-off.map")
    haproxy.maps[path] = {"api/left/": "over"}
    turn(host, "battle", False, with_routes())
    # With what the router asks for a path that is not spelled as it is meant.
    wanted = {"api/battle/": "battle", "api/beta/inner/": "beta", "api:": "closed"}
    assert haproxy.maps[path] == wanted
    assert Path(path).read_text() == "api/battle/ battle\napi/beta/inner/ beta\napi: closed\n"
    turn(host, "all", False, with_routes())
    assert haproxy.maps[path] == {**wanted, "api/": "all"}
    for flag in ("battle", "all", "beta"):
        turn(host, flag, True, with_routes())
    assert haproxy.maps[path] == {} and Path(path).read_text() == ""


def test_provisioning_closes_what_is_off(host: Host, haproxy: Haproxy) -> None:
    assert "closed routes of production" in provide(host, with_routes(), write=False)
    assert the_router().closed("shop", "production") == {}
    assert "closed routes of production" in provide(host, with_routes())
    assert the_router().closed("shop", "staging") == {"api/beta/inner/": "beta", "api:": "closed"}
    assert provide(host, with_routes()) == []


def test_provisioning_before_there_is_a_switch(host: Host, tmp_path: Path) -> None:
    nowhere = HAProxy(str(tmp_path / "no.sock"), str(tmp_path / "maps"))
    host = dataclasses.replace(host, router=nowhere)
    assert provide(host, with_routes())
    assert nowhere.closed("shop", "production") == {"api/beta/inner/": "beta", "api:": "closed"}
    with pytest.raises(OperationError, match="does not answer"):
        turn(host, "all", False, with_routes())


def test_status_tells_what_is_closed(host: Host) -> None:
    turn(host, "battle", False, with_routes())
    told = stack_flags.lines(with_routes(), "production", host.store.flags(with_routes(), "production"))
    assert "production /battle answers 503 (api): flag battle is off" in told


def test_a_deploy_with_a_closed_route(world: World) -> None:
    """Also where the deploy itself asks: the route stays closed, and that is no fault of the release."""
    world.router.shut["staging"] = {"api/": "all"}
    assert world.good("deploy").changed
    world.commit({"api": SICK})
    assert world.run("deploy").failed, "the app itself is still asked"


def world_with_a_closed_route(directory: str) -> World:
    definition = shop_definition()
    definition["apps"]["front"]["flags"] = {"sale": {"route": "/front/sale"}}
    world = World(directory, definition)
    world.ship()
    turn(world.host, "sale", False, world.stack)
    return world


def test_a_live_app_keeps_its_flags_under_its_name(one_by_one: None, tmp_path: Path) -> None:
    """After a rename by provisioning alone a closed route used to be open, and nothing could close it."""
    world = world_with_a_closed_route(str(tmp_path))
    both = {"front/front/sale/": "sale", "front:": "closed"}
    assert world.router.shut["production"] == both
    world.stack = renamed(world, "front", "window")
    both |= {"window/front/sale/": "sale", "window:": "closed"}
    provide(world.host, world.stack)
    assert world.router.shut["production"] == both
    turn(world.host, "sale", True, world.stack)
    assert world.router.shut["production"] == {}
    turn(world.host, "sale", False, world.stack)
    assert world.router.shut["production"] == both


def test_a_flag_that_only_the_live_release_has(one_by_one: None, tmp_path: Path) -> None:
    world = world_with_a_closed_route(str(tmp_path))
    turn(world.host, "sale", True, world.stack)
    world.stack = changed_stack(world, front={"flags": {}})
    provide(world.host, world.stack)
    turn(world.host, "sale", False, world.stack)
    assert world.router.shut["production"] == {"front/front/sale/": "sale", "front:": "closed"}
    with pytest.raises(RefusedError, match="no app declares the flag 'nothing'"):
        turn(world.host, "nothing", False, world.stack)


def test_a_rollback_brings_no_closed_route_back(one_by_one: None, tmp_path: Path) -> None:
    world = world_with_a_closed_route(str(tmp_path))
    world.stack = renamed(world, "front", "window")
    world.ship(window=HEALTHY)
    provide(world.host, world.stack)
    assert "front:" not in world.router.shut["production"]
    world.good("rollback")
    answer = world.probe.edge(ProbeTarget(8200, "localhost", "/front/sale", False, ""))
    assert (answer.status, answer.flag) == (503, "sale")
