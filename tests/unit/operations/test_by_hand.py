# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands by hand: in a container of their own or in one that runs, each recorded, and nothing left of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.console import one_process
from fakes.faults import Killed
from fakes.stacks import host_with_services, shop_with_jobs, shop_with_replicas, shop_with_services
from fakes.world import World

from release.errors import OperationError, RefusedError
from release.operations import attended, by_hand, jobs
from release.operations.by_hand import Console
from release.planning.by_hand import Asked
from release.process import lock
from release.releases.lock_holder import LockHolder
from release.releases.runs import Run

ATTACHED = Console(is_attached=True, tty=True, reads=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = World(str(tmp_path), shop_with_services())
    host_with_services(found)
    found.ship()
    with one_process(found):
        yield found


def asked(**more: Any) -> Asked:
    wanted = {"app": "api", "command": ("node", "set-password.js", "hunter2"), "person": "ann", "reason": "a test"}
    return Asked(**{**wanted, "timeout_seconds": 60.0, **more})


def run(world: World, mine: Console = ATTACHED, **more: Any) -> tuple[Run, int]:
    return by_hand.run(world.host, world.stack, asked(**more), mine)


def check_nothing_left(world: World) -> None:
    assert not world.one_off.boxes and not world.runs.files and not world.runs.going("shop")
    assert not list(Path(world.paths.locks).glob("*-run-*"))
    left = [world.console.process(name) for name in world.console.sessions]
    assert not any(process.is_up for process in left if process)
    assert not world.violations


def test_runs_and_is_recorded_without_its_words(world: World) -> None:
    world.one_off.ends["api"] = (3.0, 7)
    ended, told = run(world)
    assert (ended.outcome, ended.exit_code, told) == ("failed", 7, 0)
    assert by_hand.exit_code(ended, told) == 7
    [record] = world.runs.records("shop")
    assert (record.person, record.reason, record.why, record.words) == ("ann", "a test", "command", 2)
    assert record.command == ("node",) and record.log == () and record.seconds == pytest.approx(3, abs=1)
    assert "hunter2" not in json.dumps(world.runs.known)
    check_nothing_left(world)


def test_what_is_not_attached_keeps_what_it_printed(world: World) -> None:
    ended, _ = run(world, Console())
    assert ended.log == ("api printed something",) and not world.console.drained


@pytest.mark.parametrize("way", [by_hand.run, by_hand.execute])
def test_what_it_wrote_is_read_to_its_end(world: World, way: Any) -> None:
    """Though it has ended itself before: who reads is slower than it was."""
    way(world.host, world.stack, asked(), ATTACHED)
    assert world.console.drained == 1


def test_it_is_like_the_app_and_not_the_app(world: World) -> None:
    seen: list[Any] = []
    world.faults.on("docker create run of api", lambda: seen.extend(world.one_off.boxes))
    run(world)
    [box] = seen
    live = world.router.live("shop", "production")
    assert live is not None and box.release == live.release
    assert box.item["command"] == ["node", "set-password.js", "hunter2"]
    assert (box.item["init"], box.item["tty"], box.item["logging"]) == (True, True, {"driver": "none"})
    assert "ports" not in box.item and box.network.startswith(f"shop-production-{live.slot}-")


def test_several_at_a_time_have_names_of_their_own(world: World) -> None:
    first, second = (by_hand.run_sources.find(world.host, world.stack, asked()).run for _ in range(2))
    assert first.id != second.id and first.service != second.service


@pytest.mark.parametrize("way", [by_hand.run, by_hand.execute])
def test_is_ended_at_its_time_limit(world: World, way: Any) -> None:
    world.one_off.ends["api"], world.console.lasts = (1000.0, 0), 1000.0
    ended, told = way(world.host, world.stack, asked(), ATTACHED)
    assert (ended.outcome, ended.exit_code) == ("timed_out", 143)
    assert by_hand.exit_code(ended, told) == 124
    check_nothing_left(world)


@pytest.mark.parametrize("way", [by_hand.run, by_hand.execute])
@pytest.mark.parametrize("says", ["stop", "gone"])
def test_is_ended_when_nobody_waits(world: World, way: Any, says: str) -> None:
    world.one_off.ends["api"], world.console.lasts = (1000.0, 0), 1000.0
    world.console.says = (5.0, says)
    ended, _ = way(world.host, world.stack, asked(), ATTACHED)
    assert (ended.outcome, ended.exit_code) == ("interrupted", 143)
    assert ended.seconds is not None and ended.seconds < 8
    check_nothing_left(world)


@pytest.mark.parametrize("way", [by_hand.run, by_hand.execute])
@pytest.mark.parametrize("after", [False, True])
def test_whoever_waits_ends_what_a_killed_one_leaves(world: World, way: Any, after: bool) -> None:
    number = 0
    while True:
        number += 1
        world.clock.time += 2
        world.faults.kill_at(number, after=after)
        try:
            way(world.host, world.stack, asked(), ATTACHED)
        except OperationError as error:
            assert "the engine was killed" in str(error)
        else:
            break
        check_nothing_left(world)
        assert all(one.is_over for one in world.runs.records("shop"))
    assert number >= 5


@pytest.mark.parametrize("way", [by_hand.run, by_hand.execute])
def test_if_both_are_killed_the_next_one_ends_it(world: World, way: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.one_off.ends["api"], world.console.lasts = (1000.0, 0), 1000.0

    def killed(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(attended, "settle", killed)
    world.faults.on("clock wait", killed)
    with pytest.raises(Killed):
        way(world.host, world.stack, asked(), ATTACHED)
    monkeypatch.undo()
    [left] = attended.left_behind(world.host, world.stack)
    assert not left.is_over
    who = LockHolder.from_json({})
    with lock.hold(attended.lock_of(world.host, left), who, 0):
        assert attended.left_behind(world.host, world.stack) == [] == attended.sweep(world.host, world.stack)
    [told] = attended.sweep(world.host, world.stack)
    assert "by ann was left behind" in told
    check_nothing_left(world)


def test_a_reboot_ends_it(world: World) -> None:
    world.one_off.ends["api"] = (1000.0, 0)
    source = by_hand.run_sources.find(world.host, world.stack, asked())
    world.runs.write(dataclasses.replace(source.run, started=True))
    world.one_off.start(world.runs.place(source.run, {**by_hand_file(world, source)}), "", source.run.service)
    world.reboot()
    attended.sweep(world.host, world.stack)
    [record] = world.runs.records("shop")
    assert (record.outcome, record.exit_code) == ("interrupted", 255)
    check_nothing_left(world)


def by_hand_file(world: World, source: Any) -> dict[str, Any]:
    return dict(by_hand.one_off.one_off_file(source.compose, source.run, {"stdin_open": False}))


@pytest.mark.parametrize("way", [by_hand.run, by_hand.execute])
def test_a_full_disk_leaves_nothing(world: World, way: Any) -> None:
    number = 0
    while True:
        number += 1
        world.clock.time += 2
        world.faults.fail_at(number, disk=True)
        try:
            way(world.host, world.stack, asked(), ATTACHED)
        except OperationError as error:
            assert "No space left" in str(error)
        else:
            break
        finally:
            world.faults.disarm()
        assert not world.one_off.boxes and not world.runs.files
        attended.sweep(world.host, world.stack)
        check_nothing_left(world)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_disk_that_stays_full_leaves_nothing_either(
    world: World, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, written = world.runs.write, []

    def full(run: Run) -> None:
        written.append(run)
        if len(written) >= number:
            raise OSError(28, "No space left on device")
        write(run)

    monkeypatch.setattr(world.runs, "write", full)
    with pytest.raises(OperationError, match="No space left"):
        run(world)
    assert not world.one_off.boxes and not world.runs.files
    monkeypatch.undo()
    attended.sweep(world.host, world.stack)
    assert all(one.is_over for one in world.runs.records("shop"))
    check_nothing_left(world)


def test_a_promote_goes_on_beside_it_and_says_so(world: World) -> None:
    world.one_off.ends["api"] = (50.0, 0)
    reports: list[Any] = []

    def promote() -> None:
        if not reports:
            reports.append(None)
            world.commit({"api": "healthy"})
            world.good("deploy")
            world.clock.time += 2
            reports.append(world.good("promote"))

    before = world.router.live("shop", "production")
    world.faults.on("clock wait", promote)
    ended, _ = run(world)
    assert ended.outcome == "succeeded" and before is not None and ended.release == before.release
    assert any("a command by ann (command) goes on" in note for note in reports[1].notes), reports[1].notes
    assert reports[1].release != before.release
    check_nothing_left(world)


def test_the_slot_was_written_anew_meanwhile(world: World) -> None:
    def another() -> None:
        live = world.router.live("shop", "production")
        assert live is not None
        compose = world.store.slot_compose("shop", "production", live.slot)
        for item in compose["services"].values():
            item["labels"]["release.onehost.id"] = "20990101T000000Z-production-0000000"

    world.faults.on("docker create run of api", another)
    with pytest.raises(OperationError, match="has changed its release meanwhile"):
        run(world)
    assert not world.one_off.started
    check_nothing_left(world)


def test_a_release_of_the_history(world: World) -> None:
    old = world.router.live("shop", "production")
    assert old is not None
    world.ship()
    seen: list[Any] = []
    world.faults.on("docker create run of api", lambda: seen.extend(world.one_off.boxes))
    ended, _ = run(world, release=old.release)
    live = world.router.live("shop", "production")
    assert live is not None and live.slot != old.slot
    assert (ended.release, seen[0].release) == (old.release, old.release)
    assert seen[0].image == world.entry(old.release).release.images["api"]
    assert seen[0].network.startswith(f"shop-production-{live.slot}-"), "where the services and the live apps are"
    assert all(path.startswith(f"/state/runs/{ended.id}/env.") for path in seen[0].item["env_file"])
    check_nothing_left(world)


def test_in_a_container_that_runs(world: World) -> None:
    world.console.code = 3
    ended, told = by_hand.execute(world.host, world.stack, asked(), ATTACHED)
    assert (ended.why, ended.outcome, by_hand.exit_code(ended, told)) == ("exec", "failed", 3)
    [(container, command)] = world.console.begun
    live = world.router.live("shop", "production")
    assert live is not None
    assert command == ("node", "set-password.js", "hunter2")
    [box] = [box for box in world.up("production", live.slot) if box.app == "api"]
    assert container == box.id
    assert "hunter2" not in json.dumps(world.runs.known)
    check_nothing_left(world)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"command": ()}, "no program is named"),
        ({"command": ("",)}, "no program is named"),
        ({"command": ("ls", "a\0b")}, "NUL"),
        ({"command": ("ls", "\udcff")}, "not UTF-8"),
        ({"command": ("ls", "x" * 100_001)}, "more than 100000 characters"),
        ({"environment": "qa"}, "'qa' is not an environment"),
        ({"timeout_seconds": 0}, "is no time limit"),
        ({"timeout_seconds": float("nan")}, "is no time limit"),
        ({"timeout_seconds": 1e9}, "is no time limit"),
        ({"reason": "x\ny"}, "cannot be printed"),
        ({"app": "nope"}, "choose from api, front, mail"),
        ({"app": "../api"}, "is no app of release"),
        ({"app": "other-production-blue-api-1"}, "is no app of release"),
    ],
)
@pytest.mark.parametrize("way", [by_hand.run, by_hand.execute])
def test_refused(world: World, way: Any, more: dict[str, Any], what: str) -> None:
    with pytest.raises(RefusedError, match=what):
        way(world.host, world.stack, asked(**more), ATTACHED)
    assert not world.runs.known and not world.one_off.started and not world.console.begun


def test_all_that_is_wrong_is_said_at_once(world: World) -> None:
    with pytest.raises(RefusedError) as found:
        run(world, command=(), environment="qa", timeout_seconds=-1, reason="\n")
    assert len(found.value.problems) == 4


def test_releases_that_are_refused(world: World) -> None:
    staging = world.router.live("shop", "staging")
    assert staging is not None
    with pytest.raises(RefusedError, match=r"is one of staging.*-e where=staging"):
        run(world, release=staging.release)
    with pytest.raises(RefusedError, match="is not in the history"):
        run(world, release="20200101T000000Z-production-0000000")
    live = world.router.live("shop", "production")
    assert live is not None
    del world.docker.images[world.entry(live.release).release.images["api"]]
    with pytest.raises(RefusedError, match=r"image .* of app api is missing"):
        run(world)


def test_replicas_that_are_refused(world: World) -> None:
    for name in ("api.2", "api.0", "api.", "api.x", "api.²"):
        with pytest.raises(RefusedError, match=r"choose from api\.1"):
            by_hand.execute(world.host, world.stack, asked(app=name), ATTACHED)
    ended, _ = by_hand.execute(world.host, world.stack, asked(app="api.1"), ATTACHED)
    assert ended.app == "api"


def test_each_replica_is_named_by_its_number(tmp_path: Path) -> None:
    world = World(str(tmp_path), shop_with_replicas())
    world.ship()
    with one_process(world):
        for name in ("api", "api.1", "api.2"):
            by_hand.execute(world.host, world.stack, asked(app=name), ATTACHED)
        with pytest.raises(RefusedError, match=r"choose from api\.1, api\.2"):
            by_hand.execute(world.host, world.stack, asked(app="api.3"), ATTACHED)
        assert run(world)[0].outcome == "succeeded"
    first, again, second = (container for container, _ in world.console.begun)
    assert first == again != second


def test_one_that_does_not_run(world: World) -> None:
    live = world.router.live("shop", "production")
    assert live is not None
    for box in world.up("production", live.slot):
        box.up = False
    with pytest.raises(RefusedError, match="its container does not run"):
        by_hand.execute(world.host, world.stack, asked(), ATTACHED)


def test_in_a_container_like_that_of_a_job(tmp_path: Path) -> None:
    world = World(str(tmp_path), shop_with_jobs())
    world.ship()
    with one_process(world):
        ended, _ = run(world, app="digest")
    assert (ended.outcome, ended.app) == ("succeeded", "digest")
    assert not jobs.listing(world.host, world.stack, "production")["digest"].last, "the job itself has not run"


def test_where_nothing_is_live(tmp_path: Path) -> None:
    world = World(str(tmp_path))
    with pytest.raises(RefusedError, match="nothing is live in production"):
        run(world)


def test_check_mode_runs_nothing(world: World) -> None:
    lines = by_hand.preview(world.host, world.stack, asked(release="", command=("sh", "-c", "rm -r $HOME\n")))
    assert lines[0] == "would run 'sh' '-c' 'rm -r $HOME\\n'"
    assert "new container of api" in lines[1] and not world.runs.known


def test_what_fails_to_start_is_recorded(world: World) -> None:
    def fail() -> None:
        raise OperationError("Docker refused", "docker", "no nosuch")

    world.faults.on("docker start run of api", fail)
    with pytest.raises(OperationError, match="no nosuch"):
        run(world)
    world.faults.disarm()
    [record] = world.runs.records("shop")
    assert record.outcome == "failed" and "no nosuch" in record.message
    check_nothing_left(world)
