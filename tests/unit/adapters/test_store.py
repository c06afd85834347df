# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store on a real disk: releases, slots, configuration."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.releases import release
from fakes.stacks import shop_definition, shop_with_databases

from release.adapters.store import Store
from release.env.env_file import parse_env
from release.releases.databases import Kept, Login
from release.releases.release import Entry, moment_of
from release.releases.schema import AppSchema
from release.stack.model import Stack
from release.stack.reader import read_stack
from release.util import files


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "shop" / "config" / "keys").mkdir(parents=True)
    return read_stack("shop", {**shop_definition(), "directory": str(tmp_path / "shop")})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "state"))


def test_store_release(store: Store, stack: Stack) -> None:
    store.write_release(stack, release(1), {"common": b"A='1'\n", "production": b""}, b"routes")
    (found,) = store.releases(stack.name)
    assert found == Entry(release(1), "prepared", "20260101T000000Z", "promote")
    assert moment_of(found.since), "readable as every later moment is"
    assert store.release_env(stack, release(1).id) == {"common": b"A='1'\n", "production": b""}
    assert store.release_routes(stack, release(1).id) == b"routes"
    home = Path(store.state, "shop", "releases", release(1).id)
    assert json.loads((home / "compose.json").read_text()) == release(1).services
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [home, *home.rglob("*")]}
    assert modes["env"] == 0o700 and modes["common"] == modes["production"] == 0o600
    assert modes[home.name] == 0o755 and modes["release.json"] == 0o644
    live = Entry(release(1), "live", "20260102T000000Z", "promote", "20260102T000000Z-production-promote-1.jsonl")
    store.set_status(stack, live)
    assert store.releases(stack.name) == [live]
    assert "schema" not in json.loads((home / "status.json").read_text()), "of releases without migrations"
    with_schema = dataclasses.replace(live, schema={"api": "0002"})
    store.set_status(stack, with_schema)
    assert store.releases(stack.name) == [with_schema]


def test_store_schemas(store: Store, stack: Stack) -> None:
    assert store.schemas(stack.name) == {"staging": {}, "production": {}}
    Path(store.state, stack.name).mkdir(parents=True)
    store.set_schema(stack.name, "production", "api", AppSchema("0002"))
    assert store.schemas(stack.name)["production"] == {"api": AppSchema("0002")}


def test_store_release_without_routes(store: Store, stack: Stack) -> None:
    store.write_release(stack, release(1), {}, None)
    assert store.release_routes(stack, release(1).id) is None
    assert store.release_env(stack, release(1).id) == {} == store.release_env(stack, "other")


def test_store_release_with_pages(store: Store, stack: Stack) -> None:
    pages = {"404.html": b"nothing", "404.json": b"{}"}
    store.write_release(stack, release(1), {}, None, pages)
    assert store.release_pages(stack, release(1).id) == pages
    assert store.release_pages(stack, "other") == {}
    home = Path(store.state, "shop", "releases", release(1).id, "pages")
    # nginx reads them, and only root writes.
    assert [stat.S_IMODE(path.stat().st_mode) for path in (home, home / "404.html")] == [0o755, 0o644]


@pytest.mark.parametrize("number", range(9))
def test_half_written_release_is_never_seen(
    store: Store, stack: Stack, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Killed at the n-th write or rename: the release is there whole, or not at all; and can be written again."""
    count = 0

    class Power(BaseException):
        """Gone."""

    def dying(original: Callable[..., None]) -> Callable[..., None]:
        def step(*arguments: object) -> None:
            nonlocal count
            count += 1
            if count > number:
                raise Power
            original(*arguments)

        return step

    with monkeypatch.context() as patch:
        for name in ("write_synced", "sync_directory"):
            patch.setattr(f"release.adapters.store.{name}", dying(getattr(files, name)))
        with pytest.raises(Power):
            store.write_release(stack, release(1), {"common": b"x", "production": b"y"}, b"r")
    whole = store.releases(stack.name)
    assert whole == [] or whole[0].release == release(1)
    if not whole:
        store.write_release(stack, release(1), {"common": b"x"}, None)
        assert len(store.releases(stack.name)) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda home: (home / "release.json").write_text('{"format": 1, "id"'),
        lambda home: (home / "release.json").write_bytes(b"\xff\xfe"),
        lambda home: (home / "release.json").write_text("[]"),
        # What is no regular file is not even opened: a FIFO would wait for ever.
        lambda home: (home / "release.json").unlink() or os.mkfifo(home / "release.json"),
        lambda home: (home / "release.json").rename(home / "x") and (home / "release.json").symlink_to("x"),
        lambda home: home.rename(home.with_name("20270101T000000Z-production-abcdef0")),
        lambda home: home.rename(home.with_name(".hidden")),
    ],
)
def test_broken_release_is_passed_over(store: Store, stack: Stack, spoil: Callable[[Path], object]) -> None:
    store.write_release(stack, release(1), {}, None)
    store.write_release(stack, release(2), {}, None)
    spoil(Path(store.state, "shop", "releases", release(1).id))
    assert [e.release.id for e in store.releases(stack.name)] == [release(2).id]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"status": "unheard of"}', "\xff", None])
def test_a_status_that_cannot_be_read(store: Store, stack: Stack, text: str | None) -> None:
    """The release is there all the same; what it is, others may know."""
    store.write_release(stack, release(1), {}, None)
    path = Path(store.state, "shop", "releases", release(1).id, "status.json")
    path.unlink()
    if text is not None:
        path.write_text(text)
    assert store.releases(stack.name) == [Entry(release(1), "unknown")]


def test_a_release_is_written_again(store: Store, stack: Stack) -> None:
    store.write_release(stack, release(1), {"common": b"A='1'\n"}, b"routes")
    before = store.releases(stack.name)
    home = Path(store.state, "shop", "releases", release(1).id)
    (home / "release.json").write_text("")
    assert store.releases(stack.name) == [] and store.release_names(stack.name) == [release(1).id]
    store.restore_release(stack, release(1))
    assert store.releases(stack.name) == before and json.loads((home / "compose.json").read_text())


def spoilt(path: Path, how: str) -> str:
    """Damage a file; returns what is said about it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if how == "directory":
        path.unlink(missing_ok=True)
        path.mkdir()
        return "cannot be read: Is a directory"
    path.write_text({"empty": "", "cut off": '{"format": 1, "x', "of another kind": "5", "others'": "{}"}[how])
    path.chmod(0o666 if how == "others'" else 0o600)
    said = {"empty": "is empty", "cut off": "is damaged: JSONDecodeError", "of another kind": "it holds a int"}
    return said.get(how, "may be written by others (mode 0666)")


@pytest.mark.parametrize("how", ["empty", "cut off", "of another kind", "directory", "others'"])
@pytest.mark.parametrize(
    "name",
    [
        "releases/{}/release.json",
        "releases/{}/status.json",
        "slots/production-blue/compose.json",
        "warm-production.json",
        "searched.json",
        "secrets.json",
        "flags/production/turned.json",
        "flags/production/api/flags.json",
        "keys/rotation.json",
    ],
)
def test_a_damaged_file_is_named(store: Store, stack: Stack, name: str, how: str) -> None:
    """Named with its cause; and whoever reads it goes on."""
    for number in (1, 2):
        store.write_release(stack, release(number), {}, None)
    store.settings = {}
    assert store.troubles(stack.name) == []
    path = Path(store.state, "shop", name.format(release(1).id))
    said = spoilt(path, how)
    (found,) = store.troubles(stack.name)
    assert found.where == str(path) and said in found.what and found.fix
    assert release(2).id in [entry.release.id for entry in store.releases(stack.name)]
    assert store.warm(stack, "production") is None
    assert store.searched(stack) == {} and store.secret_record(stack) in ({}, {"format": 1})
    assert store.slot_release(stack.name, "production", "blue") == ""


def test_other_files_that_are_named(store: Store, stack: Stack, tmp_path: Path) -> None:
    settings = tmp_path / "cleanup.json"
    store.settings = {str(settings): dict}
    assert store.troubles(stack.name) == []
    settings.write_text("{")
    operations = Path(store.state, "shop", "operations")
    operations.mkdir(parents=True)
    (operations / "20260101T000000Z-staging-deploy-1.jsonl").write_text('{"event": "begin"}\n')
    (operations / "20260102T000000Z-staging-deploy-1.jsonl").write_text("")
    maps = Path(store.state, "switch")
    maps.mkdir()
    (maps / "shop-staging.map").write_text("live none/none\n")
    os.chown(maps / "shop-staging.map", 12345, -1)
    journal, of_a_map, of_the_host = store.troubles(stack.name)
    assert journal.where.endswith("20260102T000000Z-staging-deploy-1.jsonl") and journal.what == "is empty"
    assert "belongs to user 12345, not to user" in of_a_map.what and "chown" in of_a_map.fix
    assert of_the_host.where.endswith("cleanup.json") and "provision" in of_the_host.fix


def test_an_env_file_that_cannot_be_read_is_left_out(store: Store, stack: Stack) -> None:
    store.write_release(stack, release(1), {"common": b"A='1'\n", "production": b"B='2'\n"}, None)
    path = Path(store.state, "shop", "releases", release(1).id, "env", "common")
    path.unlink()
    path.mkdir()
    assert store.release_env(stack, release(1).id) == {"production": b"B='2'\n"}


def test_the_release_of_a_slot(store: Store, stack: Stack) -> None:
    labels = {"release.onehost.id": release(1).id}
    store.write_slot(stack, "production", "green", {"name": "x", "services": {"api": {"labels": labels}}}, {})
    assert store.slot_release(stack.name, "production", "green") == release(1).id
    assert store.slot_release(stack.name, "production", "blue") == ""


def test_no_history_yet(store: Store, stack: Stack) -> None:
    assert store.releases(stack.name) == []


def test_store_configuration(store: Store, stack: Stack) -> None:
    home = Path(store.state, "shop")
    (home / "env").mkdir(parents=True)
    (home / "keys").mkdir()
    assert store.config_env(stack, "staging") == {"common": None, "staging": None}
    names = ("jwt_private.pem", "jwt_public.pem", "jwt_public_previous.pem")
    assert store.key_fingerprints(stack) == dict.fromkeys(names)
    (home / "env" / "common").write_bytes(b"A='1'\n")
    (home / "keys" / "jwt_public.pem").write_bytes(b"key")
    assert store.config_env(stack, "staging") == {"common": b"A='1'\n", "staging": None}
    found = store.key_fingerprints(stack)
    assert found["jwt_private.pem"] is None and found["jwt_public.pem"]
    assert store.free_bytes() > 0


def test_store_slot_and_build(store: Store, stack: Stack) -> None:
    store.write_slot(stack, "staging", "blue", {"name": "x"}, {"common": b"a", "staging": b"b"})
    home = Path(store.slot_compose_path(stack, "staging", "blue")).parent
    paths = [home / "env.common", home / "env.staging"]
    assert [Path(path).read_bytes() for path in paths] == [b"a", b"b"]
    assert {stat.S_IMODE(Path(path).stat().st_mode) for path in paths} == {0o600}
    assert json.loads(Path(store.slot_compose_path(stack, "staging", "blue")).read_text()) == {"name": "x"}


def test_store_build(store: Store, tmp_path: Path) -> None:
    """Everything of a build is in its own directory, so it goes with that."""
    path = Path(store.write_build(str(tmp_path), {"name": "b"}, {"NPM_TOKEN": "a\n$b"}))
    assert json.loads(path.read_text()) == {"name": "b"} and path.parent == tmp_path
    secret = tmp_path / "secrets" / "NPM_TOKEN"
    assert secret.read_text() == "a\n$b"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, secret, secret.parent)] == [0o600, 0o600, 0o700]


def test_store_warm_note(store: Store, stack: Stack) -> None:
    assert store.warm(stack, "production") is None
    store.set_warm(stack, "production", None)
    (Path(store.state) / stack.name).mkdir(parents=True)
    note = {"slot": "blue", "release": "r1", "until": 1.0}
    store.set_warm(stack, "production", note)
    assert store.warm(stack, "production") == note
    store.set_warm(stack, "production", None)
    assert store.warm(stack, "production") is None


def test_addresses_of_all_stacks(store: Store) -> None:
    for name in ("shop", "blog", "notes"):
        Path(store.state, name).mkdir(parents=True)
    blocks = {"staging": "172.16.224.0/26", "production": "172.16.224.64/26"}
    store.set_networks("shop", blocks)
    Path(store.state, "blog", "networks.json").write_text('{"staging": "172.16.224.128/25", "production": 7}')
    Path(store.state, "notes", "networks.json").write_text("")
    assert store.networks() == {"shop": blocks, "blog": {}, "notes": {}}
    (trouble,) = store.troubles("notes")
    assert trouble.what == "is empty" and trouble.where.endswith("notes/networks.json")


def test_the_addresses_of_databases_are_among_the_values_of_their_environment(store: Store) -> None:
    stack = read_stack("shop", shop_with_databases())
    home = Path(store.state, "shop", "env")
    home.mkdir(parents=True)
    for name in ("common", "staging"):
        (home / name).write_text("A='1'\n")
    kept = Kept("17", 5433, 1, Login("own/er", "00"), Login("app", "00"))
    assert store.databases("shop") == {}
    store.set_databases("shop", {"staging": {"main": kept}})
    path = Path(store.state, "shop", "databases.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert store.databases("shop") == {"staging": {"main": kept}}
    env = store.config_env(stack, "staging")
    assert env["common"] == b"A='1'\n"
    assert parse_env(env["staging"] or b"") == {
        "A": "1",
        "ONEHOST_DATABASE_MAIN_APP": "postgresql://app_1:app@host.docker.internal:5433/main",
        "ONEHOST_DATABASE_MAIN_OWNER": "postgresql://owner:own%2Fer@host.docker.internal:5433/main",
    }
    assert store.config_env(stack, "production")["production"] is None, "a missing file stays missing"
    path.write_text('{"staging": {"main": {"port": "many"}}, "production": 3}')
    assert store.databases("shop") == {"staging": {}}
    path.write_text("{")
    assert any("databases.json" in str(problem) for problem in store.troubles("shop"))
