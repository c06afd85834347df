# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What outlives an operation: releases, plans, the history and the journal, on a real disk."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from support.fakes import HEALTHY, World, shop_definition

from release.adapters.store import Store
from release.errors import OperationError
from release.process import journal
from release.releases.history import kept, newest_first, rollback_target
from release.releases.plan import Plan, TagMove, moves, reversed_moves
from release.releases.release import Entry, Live, Release, moment_of, release_id, timestamp
from release.stack.model import Stack
from release.stack.reader import read_stack
from release.util import files


def release(number: int, environment: str = "production", **changes: object) -> Release:
    """A release of the n-th day."""
    values: dict[str, object] = {
        "id": f"202601{number:02}T000000Z-{environment}-abcdef0",
        "stack": "shop",
        "environment": environment,
        "commit": "abcdef0123456789",
        "version": "main",
        "created": "2026-01-01T00:00:00Z",
        "person": "ann",
        "reason": "",
        "operation": "promote",
        "images": {"api": f"sha256:{number}"},
        "services": {"api": {"image": f"sha256:{number}", "environment": {"A": "1"}}},
        "skipped_gates": ("disk_free",),
    }
    return Release(**{**values, **changes})  # type: ignore[arg-type]


def entry(number: int, status: str, since: int = 0) -> Entry:
    return Entry(release(number), status, f"202601{since or number:02}T000000Z", "promote")


# Releases


def test_release_there_and_back() -> None:
    one = release(1)
    assert Release.from_json(json.loads(json.dumps(one.to_json()))) == one


@pytest.mark.parametrize(
    "spoil", [lambda d: d.update(format=2), lambda d: d.pop("format"), lambda d: d.pop("images"), lambda d: d.clear()]
)
def test_a_release_of_another_kind_is_no_release(spoil: Callable[[dict[str, object]], object]) -> None:
    data = release(1).to_json()
    spoil(data)
    with pytest.raises(ValueError, match=r"format|images"):
        Release.from_json(data)


def test_unknown_parts_are_passed_over() -> None:
    """A newer engine may have written more than this one reads, as long as the format is the same."""
    assert Release.from_json({**release(1).to_json(), "colour": "red"}) == release(1)


def test_content_is_what_users_notice() -> None:
    one = release(1)
    service = {"image": "sha256:1", "environment": {"A": "1", "RELEASE_ID": "x"}}
    same = dataclasses.replace(release(1), id="other", person="bob", services={"api": service})
    assert one.content() == same.content()


KEY = {"environments": ["staging"], "apps": ["api"], "default": "1", "type": "text", "description": "a note"}


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"env": {"common": "f"}}, False),
        ({"images": {"api": "sha256:2"}}, False),
        ({"keys": {"jwt_public.pem": "f"}}, False),
        ({"routes": "f"}, False),
        ({"services": {"api": {"image": "sha256:1", "environment": {"A": "2"}}}}, False),
        ({"services": {"api": {"image": "sha256:1", "environment": {"A": "1", "B": "1"}}}}, False),
        ({"services": {"api": {"image": "sha256:1"}}}, False),
        ({"definition": {"apps": {"api": {"memory": "1g"}}}}, False),
        ({"definition": {"env_matrix": {"A": {**KEY, "environments": []}}}}, False),
        ({"definition": {"env_matrix": {"A": {**KEY, "apps": []}}}}, False),
        ({"definition": {"env_matrix": {"A": {**KEY, "default": "2"}}}}, False),
        ({"definition": {"env_matrix": {"B": KEY}}}, False),
        # What a key is checked for and described as changes nothing that runs.
        ({"definition": {"apps": {}, "env_matrix": {"A": {**KEY, "type": "port", "description": ""}}}}, True),
        ({"definition": {"env_matrix": {"A": KEY}, "watch_seconds": 9}}, True),
        ({"commit": "other", "reason": "other", "created": "other"}, True),
    ],
)
def test_content_changes_with_what_users_notice(changes: dict[str, object], same: bool) -> None:
    one = release(1, definition={"env_matrix": {"A": KEY}})
    assert (release(1, **{"definition": one.definition, **changes}).content() == one.content()) is same


def test_ids_sort_by_time() -> None:
    moment = datetime.datetime(2026, 11, 21, 4, 18, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
    name = release_id(moment, "production", "1a2b3c4d5e")
    assert name == "20261121T031800Z-production-1a2b3c4"
    assert moment_of(name) == moment == moment_of(timestamp(moment))
    with pytest.raises(ValueError):
        moment_of("2026-11-21T03:18:00Z")


@pytest.mark.parametrize("live", [Live("blue", "r1"), Live("green", "20261121T031800Z-production-1a2b3c4")])
def test_live_there_and_back(live: Live) -> None:
    assert Live.parse(str(live)) == live == Live.parse(f" {live}\n")


@pytest.mark.parametrize("text", ["none/none", "", "blue", "blue/", "/x", "red/x"])
def test_nothing_is_live(text: str) -> None:
    assert Live.parse(text) is None


# Plans


@pytest.mark.parametrize("was", [None, Live("blue", "r0")])
def test_plan_there_and_back(was: Live | None) -> None:
    plan = Plan(
        "promote", "shop", "production", release(1), True, "green", was, "create", (TagMove("a", "b", "c", ""),)
    )
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert plan.goal == Live("green", release(1).id)


def test_moves_and_their_reverse() -> None:
    current = {("api", "production"): "one", ("mail", "production"): "two"}
    found = moves({"api": "one", "mail": "three", "new": "four"}, "production", current)
    assert found == [TagMove("mail", "production", "three", "two"), TagMove("new", "production", "four", "")]
    assert reversed_moves(tuple(found)) == (
        TagMove("new", "production", "", "four"),
        TagMove("mail", "production", "two", "three"),
    )


# History


@pytest.mark.parametrize(
    ("entries", "target"),
    [
        ([entry(1, "live")], None),
        ([entry(1, "previous"), entry(2, "live")], 1),
        ([entry(1, "previous"), entry(2, "rolled_back"), entry(3, "live")], 1),
        ([entry(1, "previous"), entry(2, "failed"), entry(3, "prepared"), entry(4, "live")], 1),
        ([entry(1, "previous"), entry(2, "previous"), entry(3, "live")], 2),
        ([entry(1, "previous", since=9), entry(2, "previous", since=3), entry(4, "live")], 1),
        ([entry(1, "previous", since=5), entry(2, "previous", since=5), entry(4, "live")], 2),
    ],
)
def test_where_a_rollback_goes(entries: list[Entry], target: int | None) -> None:
    staging = Entry(release(30, "staging"), "previous", "20260130T000000Z")
    live = entries[-1].release.id
    found = rollback_target([*entries, staging], "production", live)
    assert (found.release.id if found else None) == (release(target).id if target else None)


def test_where_a_rollback_goes_without_images() -> None:
    entries = [entry(1, "previous"), entry(2, "previous"), entry(3, "live")]
    found = rollback_target(entries, "production", release(3).id, {"sha256:1", "sha256:3"})
    assert found and found.release.id == release(1).id
    assert rollback_target(entries, "production", release(3).id, {"sha256:3"}) is None


def test_the_last_two_good_releases_are_kept() -> None:
    entries = [
        entry(1, "previous"),
        entry(2, "previous"),
        entry(3, "failed"),
        entry(4, "rolled_back"),
        entry(5, "live"),
    ]
    assert [e.release.id for e in kept(entries, "production", release(5).id)] == [release(5).id, release(2).id]
    assert newest_first(entries, "production")[0].release == release(5)


# Files and the store


def test_atomic_files(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    files.write_atomically(str(path), b"one", 0o600)
    files.write_atomically(str(path), b"two" * 100000, 0o600)
    assert path.read_bytes() == b"two" * 100000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.write_atomically(str(path), b"old", 0o644)

    def full(handle: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError):
        files.write_atomically(str(path), b"new", 0o644)
    assert path.read_bytes() == b"old"


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    (tmp_path / "shop" / "config" / "keys").mkdir(parents=True)
    return read_stack("shop", {**shop_definition(), "directory": str(tmp_path / "shop")})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "state"))


def test_store_release(store: Store, stack: Stack) -> None:
    store.write_release(stack, release(1), {"common": b"A='1'\n", "production": b""}, b"routes")
    (found,) = store.releases(stack)
    assert found == Entry(release(1), "prepared", "20260101T000000Z", "promote")
    assert moment_of(found.since), "readable as every later moment is"
    assert store.release_env(stack, release(1).id) == {"common": b"A='1'\n", "production": b""}
    assert store.release_routes(stack, release(1).id) == b"routes"
    home = Path(stack.directory, "releases", release(1).id)
    assert json.loads((home / "compose.json").read_text()) == release(1).services
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [home, *home.rglob("*")]}
    assert modes["env"] == 0o700 and modes["common"] == modes["production"] == 0o600
    assert modes[home.name] == 0o755 and modes["release.json"] == 0o644
    store.set_status(stack, release(1).id, "live", "promote", "20260102T000000Z")
    assert store.releases(stack)[0].status == "live"


def test_store_release_without_routes(store: Store, stack: Stack) -> None:
    store.write_release(stack, release(1), {}, None)
    assert store.release_routes(stack, release(1).id) is None
    assert store.release_env(stack, release(1).id) == {} == store.release_env(stack, "other")


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
    whole = store.releases(stack)
    assert whole == [] or whole[0].release == release(1)
    if not whole:
        store.write_release(stack, release(1), {"common": b"x"}, None)
        assert len(store.releases(stack)) == 1


@pytest.mark.parametrize(
    "spoil",
    [
        lambda home: (home / "release.json").write_text('{"format": 1, "id"'),
        lambda home: (home / "release.json").write_bytes(b"\xff\xfe"),
        lambda home: (home / "release.json").write_text("[]"),
        lambda home: (home / "status.json").write_text(""),
        lambda home: (home / "status.json").write_text("[]"),
        lambda home: (home / "status.json").unlink(),
        lambda home: home.rename(home.with_name("20270101T000000Z-production-abcdef0")),
        lambda home: home.rename(home.with_name(".hidden")),
    ],
)
def test_broken_release_is_passed_over(store: Store, stack: Stack, spoil: Callable[[Path], object]) -> None:
    store.write_release(stack, release(1), {}, None)
    store.write_release(stack, release(2), {}, None)
    spoil(Path(stack.directory, "releases", release(1).id))
    assert [e.release.id for e in store.releases(stack)] == [release(2).id]


def test_no_history_yet(store: Store, stack: Stack) -> None:
    assert store.releases(stack) == []


def test_store_configuration(store: Store, stack: Stack) -> None:
    config = Path(stack.directory, "config")
    assert store.config_env(stack, "staging") == {"common": None, "staging": None}
    names = ("jwt_private.pem", "jwt_public.pem", "jwt_public_previous.pem")
    assert store.key_fingerprints(stack) == dict.fromkeys(names)
    (config / ".env.common").write_bytes(b"A='1'\n")
    (config / "keys" / "jwt_public.pem").write_bytes(b"key")
    assert store.config_env(stack, "staging") == {"common": b"A='1'\n", "staging": None}
    found = store.key_fingerprints(stack)
    assert found["jwt_private.pem"] is None and found["jwt_public.pem"]
    assert store.free_bytes(stack.directory) > 0


def test_store_slot_and_build(store: Store, stack: Stack) -> None:
    store.write_slot(stack, "staging", "blue", {"name": "x"}, {"common": b"a", "staging": b"b"})
    home = Path(store.slot_compose_path(stack, "staging", "blue")).parent
    paths = [home / "env.common", home / "env.staging"]
    assert [Path(path).read_bytes() for path in paths] == [b"a", b"b"]
    assert {stat.S_IMODE(Path(path).stat().st_mode) for path in paths} == {0o600}
    assert json.loads(Path(store.slot_compose_path(stack, "staging", "blue")).read_text()) == {"name": "x"}
    assert json.loads(Path(store.write_build(stack, {"name": "b"})).read_text()) == {"name": "b"}


def test_store_warm_note(store: Store, stack: Stack) -> None:
    assert store.warm(stack, "production") is None
    store.set_warm(stack, "production", None)
    store.write_build(stack, {})
    note = {"slot": "blue", "release": "r1", "until": 1.0}
    store.set_warm(stack, "production", note)
    assert store.warm(stack, "production") == note
    store.set_warm(stack, "production", None)
    assert store.warm(stack, "production") is None


# The journal


def test_journal(tmp_path: Path) -> None:
    path = str(tmp_path / "operations" / "20260101T000000Z-staging-deploy-1.jsonl")
    one = journal.Journal(path, {"operation": "deploy"})
    plan = Plan("deploy", "shop", "staging", release(1, "staging"), True, "blue", None, "create")
    one.add("plan", plan=plan.to_json())
    with one.step("start", "start it"):
        one.note("progress")
    with pytest.raises(OperationError), one.step("healthy", "wait"):
        raise OperationError("a", "b", "c")
    one.close()
    one.close()
    record = journal.read(path)
    assert record.header["operation"] == "deploy" and record.plan == plan and not record.is_finished
    assert record.steps == {"start": True, "healthy": False} and set(one.seconds) == {"start"}
    again = journal.Journal(path)
    again.add("end", outcome="undone")
    again.close()
    assert journal.read(path).result["outcome"] == "undone"  # type: ignore[index]


def test_check_mode_has_no_journal(tmp_path: Path) -> None:
    one = journal.Journal(None, {"operation": "deploy"})
    with one.step("start", "start it"):
        one.note("x")
    one.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_line_that_was_cut_off(tmp_path: Path, cut: int) -> None:
    """A power cut in the middle of a line: it does not count, and does not swallow the next one."""
    path = tmp_path / "journal.jsonl"
    one = journal.Journal(str(path), {"operation": "deploy"})
    one.add("step", step="start", text="start it")
    one.add("done", step="start", seconds=1)
    one.close()
    path.write_bytes(path.read_bytes()[:-cut])
    assert journal.read(str(path)).steps == {"start": cut == 1}
    again = journal.Journal(str(path))
    again.add("end", outcome="undone")
    again.close()
    record = journal.read(str(path))
    assert record.is_finished and record.steps["start"] is (cut == 1)


def test_journals_of_an_environment(tmp_path: Path) -> None:
    assert journal.records("shop", "staging", str(tmp_path)) == []
    folder = journal.directory("shop", str(tmp_path))
    for number, environment in ((1, "staging"), (2, "production"), (3, "staging")):
        one = journal.Journal(f"{folder}/2026010{number}T000000Z-{environment}-x-1.jsonl", {"number": number})
        if number == 1:
            one.add("end", outcome="succeeded")
        one.close()
    found = journal.records("shop", "staging", str(tmp_path))
    assert [record.header["number"] for record in found] == [3, 1]
    assert [record.header["number"] for record in journal.unfinished("shop", "staging", str(tmp_path))] == [3]
    assert len(journal.records("shop", "staging", str(tmp_path), newest=1)) == 1


def test_recovery_says_what_it_found(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.faults.kill_at(1)
    assert world.run("deploy") is None
    world.revive()
    (found,) = world.recover()
    assert found.endswith(" was interrupted at fetch; nothing had been changed") and "staging-deploy" in found
    assert world.recover() == []
