# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key rotation, killed at any step, and feature switches."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.fakes import SICK, World, shop_definition
from support.servers import Haproxy, haproxy_at

from release.adapters import flags_file
from release.adapters.haproxy import Switch
from release.errors import OperationError, RefusedError
from release.operations import flags, key_rotation
from release.releases import compose
from release.releases.lock_holder import LockHolder
from release.stack import flags as stack_flags
from release.stack.model import Stack
from release.stack.reader import read_stack
from release.util import files

HOUR = 3600.0
USER = os.getuid()


class Killed(BaseException):
    """The process is gone."""


class Keys:
    """Makes pairs that can be told apart and matched: private-1 belongs to public-1."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    def __call__(self, arguments: list[str], data: bytes) -> bytes:
        return b"private-%d" % next(self.numbers) if arguments[0] == "genpkey" else data.replace(b"private", b"public")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for name, text in (
        ("jwt_private.pem", "private-0"),
        ("jwt_public.pem", "public-0"),
        ("jwt_public_previous.pem", "public-0"),
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


def pair(directory: Path) -> tuple[str, str, str]:
    names = ("jwt_private.pem", "jwt_public.pem", "jwt_public_previous.pem")
    return tuple((directory / name).read_text() for name in names)  # type: ignore[return-value]


def test_both_public_keys_are_valid_after_a_rotation(keys: Path) -> None:
    note = key_rotation.rotate(str(keys), USER, 1000.0, 24 * HOUR, Keys())
    assert pair(keys) == ("private-1", "public-1", "public-0")
    assert note["until"] == 1000.0 + 24 * HOUR
    assert (keys / "jwt_private.pem").stat().st_mode & 0o777 == 0o600
    assert (keys / "jwt_public_previous.pem").stat().st_mode & 0o777 == 0o644


def test_no_second_rotation_during_the_first(keys: Path) -> None:
    key_rotation.rotate(str(keys), USER, 1000.0, HOUR, Keys())
    with pytest.raises(RefusedError, match="state=finished"):
        key_rotation.rotate(str(keys), USER, 1001.0, HOUR, Keys())


def test_the_end_of_the_overlap(keys: Path) -> None:
    key_rotation.rotate(str(keys), USER, 1000.0, HOUR, Keys())
    inode = (keys / "jwt_public_previous.pem").stat().st_ino
    assert key_rotation.finish(str(keys), 1001.0 + HOUR)
    assert pair(keys) == ("private-1", "public-1", "public-1")
    assert (keys / "jwt_public_previous.pem").stat().st_ino == inode, "running containers hold this very file"
    assert not key_rotation.finish(str(keys), 1002.0 + HOUR)
    assert key_rotation.rotate(str(keys), USER, 9000.0, HOUR, Keys())["since"] == 9000.0


def test_a_shorter_key_leaves_nothing_of_the_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"a longer one")
    files.write_in_place(str(path), b"short", 0o644)
    assert path.read_bytes() == b"short" and path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("step", range(1, 6))
def test_killed_at_any_step(keys: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Whatever was reached, the next call leaves a whole pair, and the key of before is still the old one."""
    count = itertools.count(1)
    real = os.replace

    def replace(old: str, new: str) -> None:
        if next(count) == step:
            raise Killed
        real(old, new)

    monkeypatch.setattr(os, "replace", replace)
    make = Keys()
    with pytest.raises(Killed):
        key_rotation.rotate(str(keys), USER, 1000.0, HOUR, make)
    monkeypatch.setattr(os, "replace", real)
    key_rotation.rotate(str(keys), USER, 1000.0, HOUR, make)
    private, public, previous = pair(keys)
    assert private.replace("private", "public") == public != "public-0"
    assert previous == "public-0"


def test_a_rotation_that_is_half_done_cannot_be_ended(keys: Path) -> None:
    (keys / "rotation.json").write_text(json.dumps({"since": 0, "until": 1, "half": True}))
    with pytest.raises(RefusedError, match="interrupted"):
        key_rotation.finish(str(keys), 5.0)


def test_openssl_makes_a_pair() -> None:
    private, public = key_rotation.new_pair()
    assert private.startswith(b"-----BEGIN PRIVATE KEY") and public.startswith(b"-----BEGIN PUBLIC KEY")


# Feature switches

HAPROXY: dict[str, Path] = {}
WHO = LockHolder.from_json({"person": "ann", "reason": "matches never end"})


def shop(**declared: Any) -> Any:
    definition = shop_definition()
    definition["apps"]["api"]["flags"] = {"battle": None, "beta": {"default": False}, **declared}
    definition["apps"]["mail"]["flags"] = {"battle": None}
    return read_stack("shop", definition)


@pytest.fixture(autouse=True)
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haproxy]:
    directory = tmp_path_factory.mktemp("switch")
    with haproxy_at(str(directory / "admin.sock")) as server:
        server.maps[str(directory / "shop-production-off.map")] = {}
        HAPROXY["directory"] = directory
        yield server


def the_switch() -> Switch:
    return Switch(str(HAPROXY["directory"] / "admin.sock"), str(HAPROXY["directory"]))


def turn(path: Path, flag: str, on: bool, stack: Stack | None = None, **options: Any) -> bool:
    switch = the_switch()
    return flags.turn(stack or shop(), "production", flag, on, WHO, switch, state=str(path), locks=str(path), **options)


def provide(stack: Stack, path: Path, **options: Any) -> list[str]:
    return flags.provide(stack, the_switch(), state=str(path), **options)


def read(path: Path, environment: str, app: str) -> dict[str, bool]:
    result: dict[str, bool] = json.loads((path / "shop" / "flags" / environment / app / "flags.json").read_text())
    return result


def test_a_flag_is_turned_for_every_app_that_declares_it(tmp_path: Path) -> None:
    provide(shop(), tmp_path)
    assert turn(tmp_path, "battle", False)
    assert read(tmp_path, "production", "api") == {"battle": False, "beta": False}
    assert read(tmp_path, "production", "mail") == {"battle": False}
    assert read(tmp_path, "staging", "api") == {"battle": True, "beta": False}


def test_turning_twice_changes_nothing(tmp_path: Path) -> None:
    assert turn(tmp_path, "battle", False)
    assert not turn(tmp_path, "battle", False)
    assert turn(tmp_path, "battle", True)


def test_a_turned_flag_stays_turned_when_defaults_are_written(tmp_path: Path) -> None:
    turn(tmp_path, "battle", False)
    written = provide(shop(new=None), tmp_path)
    assert [Path(path).parts[-3:] for path in written if "production" in path] == [("production", "api", "flags.json")]
    assert read(tmp_path, "production", "api") == {"battle": False, "beta": False, "new": True}
    assert provide(shop(new=None), tmp_path) == []


def test_who_and_why_are_recorded(tmp_path: Path) -> None:
    turn(tmp_path, "battle", False)
    turn(tmp_path, "beta", False)
    known = flags_file.turned(shop(), "production", str(tmp_path))
    said = stack_flags.lines(shop(), "production", known)
    assert len(said) == 1 and "flag battle is OFF" in said[0] and said[0].endswith("by ann matches never end")
    history = (tmp_path / "shop" / "flags" / "production" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["flag"] for line in history] == ["battle", "beta"]


def test_check_mode_turns_nothing(tmp_path: Path) -> None:
    assert turn(tmp_path, "battle", False, write=False)
    assert list(tmp_path.iterdir()) == []


def test_an_undeclared_flag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="choose from battle, beta"):
        turn(tmp_path, "fight", False)


def test_a_file_left_behind_by_a_kill_is_brought_up_to_date(tmp_path: Path) -> None:
    turn(tmp_path, "battle", False)
    path = tmp_path / "shop" / "flags" / "production" / "api" / "flags.json"
    path.write_text("{}")
    assert not turn(tmp_path, "battle", False)
    assert read(tmp_path, "production", "api")["battle"] is False


def test_the_directory_is_mounted_and_named() -> None:
    stack = shop()
    service = compose.service(stack, stack.apps["api"], "production", "sha256:1")
    assert "/var/lib/onehost/shop/flags/production/api:/run/onehost-flags:ro" in service["volumes"]
    assert service["environment"]["FLAGS_FILE"] == "/run/onehost-flags/flags.json"
    assert "FLAGS_FILE" not in compose.service(stack, stack.apps["front"], "production", "x")["environment"]


def test_flags_survive_the_file_of_the_stack() -> None:
    stack = shop()
    assert read_stack("shop", stack.to_mapping(with_env=True)) == stack


# Routes that a flag closes

BATTLE = {"default": True, "route": "/battle"}


def with_routes() -> Stack:
    return shop(battle=BATTLE, beta={"default": False, "route": "/Beta/inner"}, all={"route": "/"})


def test_a_flag_closes_its_route_at_once_and_for_good(tmp_path: Path, haproxy: Haproxy) -> None:
    path = str(HAPROXY["directory"] / "shop-production-off.map")
    haproxy.maps[path] = {"api/left/": "over"}
    turn(tmp_path, "battle", False, with_routes())
    wanted = {"api/battle/": "battle", "api/beta/inner/": "beta"}
    assert haproxy.maps[path] == wanted
    assert Path(path).read_text() == "api/battle/ battle\napi/beta/inner/ beta\n"
    turn(tmp_path, "all", False, with_routes())
    assert haproxy.maps[path] == {**wanted, "api/": "all"}
    for flag in ("battle", "all", "beta"):
        turn(tmp_path, flag, True, with_routes())
    assert haproxy.maps[path] == {} and Path(path).read_text() == ""


def test_provisioning_closes_what_is_off(tmp_path: Path, haproxy: Haproxy) -> None:
    assert "closed routes of production" in provide(with_routes(), tmp_path, write=False)
    assert the_switch().closed("shop", "production") == {}
    assert "closed routes of production" in provide(with_routes(), tmp_path)
    assert the_switch().closed("shop", "staging") == {"api/beta/inner/": "beta"}
    assert provide(with_routes(), tmp_path) == []


def test_provisioning_before_there_is_a_switch(tmp_path: Path) -> None:
    nowhere = Switch(str(tmp_path / "no.sock"), str(tmp_path / "maps"))
    assert flags.provide(with_routes(), nowhere, state=str(tmp_path))
    assert nowhere.closed("shop", "production") == {"api/beta/inner/": "beta"}
    with pytest.raises(OperationError, match="does not answer"):
        flags.turn(with_routes(), "production", "all", False, WHO, nowhere, state=str(tmp_path), locks=str(tmp_path))


def test_status_tells_what_is_closed(tmp_path: Path) -> None:
    turn(tmp_path, "battle", False, with_routes())
    told = stack_flags.lines(with_routes(), "production", flags_file.turned(with_routes(), "production", str(tmp_path)))
    assert "production /battle answers 503 (api): flag battle is off" in told


@pytest.mark.parametrize(
    ("app", "route", "problem"),
    [
        ("api", "battle", "not valid"),
        ("api", "/battle/", "ends with a slash"),
        ("api", "/a b", "not valid"),
        ("front", "/battle", "not below a route of the app"),
        ("front", "/frontier", "not below a route of the app"),
        ("mail", "/mail", "it is a worker"),
    ],
)
def test_a_route_that_cannot_be(app: str, route: str, problem: str) -> None:
    definition = shop_definition()
    definition["apps"][app]["flags"] = {"battle": {"route": route}}
    with pytest.raises(RefusedError, match=problem):
        read_stack("shop", definition)


def test_a_deploy_with_a_closed_route(world: World) -> None:
    """Also where the deploy itself asks: the route stays closed, and that is no fault of the release."""
    world.switch.shut["staging"] = {"api/": "all"}
    assert world.good("deploy").changed
    world.commit({"api": SICK})
    assert world.run("deploy").failed, "the app itself is still asked"
