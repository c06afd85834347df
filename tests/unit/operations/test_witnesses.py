# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of those who say what is live has lost it: told by status, put right by whatever comes next."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.docker import HEALTHY, SICK
from fakes.faults import Killed
from fakes.world import World
from invariants.invariants import check_always, check_settled
from support.profiles import ONE_IN

from release.env import secret_ages
from release.errors import Problem
from release.operations import flags, runner, witnesses
from release.operations.observe import observe
from release.operations.status import status
from release.process import journal
from release.releases.release import Live
from release.rendering.status import status_lines


def live(world: World) -> Live:
    found = Live.parse(world.router.does["production"])
    assert found is not None
    return found


def lose_file(world: World) -> None:
    world.router.files["production"] = ""


def lose_file_and_restart(world: World) -> None:
    """HAProxy was restarted and has read an empty map."""
    world.router.files["production"] = world.router.does["production"] = ""


def provisioned_over(world: World) -> None:
    """As an earlier version did where the map was missing."""
    world.router.files["production"] = world.router.does["production"] = "none/none"


def lose_memory(world: World) -> None:
    world.router.does["production"] = ""


def move_file(world: World) -> None:
    now = live(world)
    world.router.files["production"] = f"{'green' if now.slot == 'blue' else 'blue'}/{now.release}"


def lose_release(world: World) -> None:
    world.store.written[live(world).release].is_lost = True


def lose_status(world: World) -> None:
    world.store.written[live(world).release].status = "unknown"


def lose_status_of_before(world: World) -> None:
    before = next(e for e in world.entries("production") if e.status == "previous")
    world.store.written[before.release.id].status = "unknown"


def lose_release_of_before(world: World) -> None:
    before = next(e for e in world.entries("production") if e.status == "previous")
    world.store.written[before.release.id].is_lost = True


def lose_warm_note(world: World) -> None:
    world.good("promote", warm_seconds=600)
    world.store.notes.clear()


LOSSES: list[Callable[[World], None]] = [
    lose_file,
    lose_file_and_restart,
    provisioned_over,
    lose_memory,
    move_file,
    lose_release,
    lose_status,
    lose_status_of_before,
    lose_release_of_before,
    lose_warm_note,
]


@pytest.fixture
def world(world: World) -> World:
    """Two releases in production, a third in staging."""
    world.ship()
    world.ship(api=HEALTHY, front=HEALTHY)
    world.commit({"api": HEALTHY})
    world.good("deploy")
    return world


EACH = pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)


@EACH
@pytest.mark.parametrize("name", ["promote", "rollback"])
def test_any_one_may_be_lost(world: World, lose: Callable[[World], None], name: str) -> None:
    """The operation works as if nothing had been lost, and says what was."""
    expected = world.entries("production")[0].release.id
    lose(world)
    world.violations.clear()
    report = world.good(name)
    assert (report.changed or lose is lose_warm_note) and report.recovered
    if name == "rollback" and lose is not lose_warm_note:
        assert report.release == expected
    check_settled(world)


@EACH
def test_recover_puts_it_right(world: World, lose: Callable[[World], None]) -> None:
    lose(world)
    world.violations.clear()
    if lose is not lose_warm_note:
        seen = status(world.host, world.stack)
        assert seen.damage or lose is lose_release_of_before
        if lose not in (lose_release, lose_release_of_before, lose_status, lose_status_of_before):
            assert "damaged: production: " in "\n".join(status_lines(seen))
        before = dict(world.router.does), list(world.faults.calls)
        assert (dict(world.router.does), list(world.faults.calls)) == before, "status changes nothing"
    told = world.recover()
    assert told, "it is told"
    check_settled(world)
    assert world.recover() == [], "once"
    assert not status(world.host, world.stack).damage


@EACH
def test_a_reboot_comes_first(world: World, lose: Callable[[World], None]) -> None:
    lose(world)
    world.violations.clear()
    world.reboot()
    world.recover()
    world.violations.clear()
    check_settled(world)
    world.good("rollback")
    check_settled(world)


def test_check_mode_says_it_and_changes_nothing(world: World) -> None:
    lose_file_and_restart(world)
    world.faults.disarm()
    report = world.run("rollback", check=True)
    assert report and report.message.startswith("would rollback") and "the map file is damaged" in report.recovered[0]
    assert not world.faults.calls and world.router.files["production"] == ""
    assert witnesses.disputes(world.host, world.stack) == report.recovered


def test_the_live_release_is_damaged_and_no_journal_knows_it(world: World) -> None:
    """The map names it, and the release before it is whole: a rollback needs no more."""
    before = world.entries("production")[0].release.id
    now = live(world).release
    lose_release(world)
    for path in Path(journal.directory("shop", world.paths.state)).glob("*.jsonl"):
        path.unlink()
    assert status(world.host, world.stack).rollback.to == before
    report = world.good("rollback")
    assert report.release == before and report.was == now
    check_always(world)


@pytest.mark.parametrize("data", [None, b"", b"\0\0\0"])
def test_an_env_file_of_the_release_is_damaged(world: World, data: bytes | None) -> None:
    """Today's is used, and that is said: a rollback does not wait for it to be mended."""
    written = world.store.written[world.entries("production")[0].release.id]
    written.env.pop("common")
    if data is not None:
        written.env["common"] = data
    report = world.good("rollback")
    assert report.recovered == [f"env file common of {report.release} is damaged; today's is used"]
    check_settled(world)


def test_an_env_file_that_was_empty_that_day(world: World) -> None:
    written = world.store.written[world.entries("production")[0].release.id]
    empty = secret_ages.content_fingerprint(world.store.record, "common", b"")
    written.release = dataclasses.replace(written.release, env={**written.release.env, "common": empty})
    written.env["common"] = b""
    assert world.good("rollback").recovered == []


def test_promote_over_a_release_that_is_damaged(world: World) -> None:
    lose_release(world)
    for path in Path(journal.directory("shop", world.paths.state)).glob("*.jsonl"):
        path.unlink()
    report = world.good("promote")
    assert {row["gate"]: row["evidence"] for row in report.gates}["rollback_ready"].startswith("the record of")
    assert world.tag("api", "rollback") == world.entries("production")[0].release.images["api"]


def test_an_unfinished_operation_comes_first(world: World) -> None:
    """Its recovery decides; until then witnesses may disagree, and nobody says that they do."""
    before = live(world)

    def kill() -> None:
        world.faults.dead = True
        raise Killed

    world.faults.on("router memory production", kill, after=False)
    assert world.run("promote") is None
    world.revive()
    state = observe(world.host, world.stack)
    assert live(world) == before != state.live["production"], "killed between file and memory"
    assert not state.disputes and not witnesses.disputes(world.host, world.stack)
    world.recover()
    check_settled(world)


@pytest.mark.parametrize("number", range(1, 40, ONE_IN))
def test_killed_anywhere_and_the_map_is_lost(world: World, number: int) -> None:
    """A kill and then a power failure that takes the map with it."""
    world.faults.kill_at(number)
    world.run("promote")
    world.revive()
    world.router.files["production"] = ""
    world.router.down = True
    witnesses.provide_maps(world.host, "shop")
    world.violations.clear()
    world.reboot()
    world.recover()
    check_settled(world)


@pytest.mark.parametrize("number", [5, 9, 13, 17, 21, 25])
def test_killed_and_the_journal_is_damaged(world: World, number: int) -> None:
    """Without the plan nothing can be finished or undone; what runs decides, and the next operation works."""
    world.faults.kill_at(number)
    world.run("promote")
    world.revive()
    (left,) = journal.unfinished("shop", "production", world.paths.state) or [None]
    if left is not None:
        lines = Path(left.path).read_text().splitlines()
        Path(left.path).write_text("\n".join(line[:40] if '"plan"' in line else line for line in lines) + "\n")
        assert any("cannot be read" in text for text in world.recover())
    check_always(world)
    assert not world.unfinished("production")
    world.good("promote")
    world.good("rollback")
    check_settled(world)


def test_maps_before_haproxy_starts(world: World) -> None:
    """Neither HAProxy nor Docker runs yet."""
    now = live(world)
    world.router.files["production"], world.router.down = "", True
    assert witnesses.provide_maps(world.host, "shop", write=False) == [f"production: {now} is live"]
    assert world.router.files["production"] == ""
    assert witnesses.provide_maps(world.host, "shop") == [f"production: {now} is live"]
    assert world.router.files["production"] == str(now)
    assert witnesses.provide_maps(world.host, "shop") == []
    assert flags.provide_maps(world.host, "shop", world.stack) == []


def test_the_clock_was_set_back(world: World) -> None:
    """What is newer stays newer: a rollback goes where it would have gone."""
    now = live(world).release
    world.clock.set_by = -86400
    promoted = world.good("promote").release
    assert promoted > now
    assert world.good("rollback").release == now
    check_settled(world)
    (Path(journal.directory("shop", world.paths.state)) / "20991231T235959Z-production-promote-1.jsonl").write_text("")
    path = Path(runner.new_journal_path(world.host, world.stack, world.request("promote"))).name
    assert path.startswith("21000101T000000Z-production-promote-")


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_clock_is_set_while_a_worker_starts(world: World, hours: int) -> None:
    """It has run as long as it has run."""
    world.commit({"mail": HEALTHY})

    def set_clock() -> None:
        world.clock.set_by = 3600.0 * hours

    for slot in ("blue", "green"):
        world.faults.on(f"docker start mail in staging {slot}", set_clock)
    begun = world.clock.time
    world.good("deploy")
    assert world.clock.set_by and 1 <= world.clock.time - begun < 3
    check_settled(world)


def test_the_compose_file_of_the_old_slot_is_lost_when_it_is_needed(world: World) -> None:
    """Somebody removes the live containers while a deploy goes wrong: they are made anew from the release."""
    now = Live.parse(world.router.files["staging"])
    assert now is not None
    world.commit({"api": SICK})

    def lose() -> None:
        mine = [box for box in world.docker.boxes if (box.environment, box.slot) == ("staging", now.slot)]
        world.docker.boxes = [box for box in world.docker.boxes if box not in mine]
        world.store.files[f"/state/staging-{now.slot}/compose.json"] = {}

    world.faults.on(f"docker start api in staging {'green' if now.slot == 'blue' else 'blue'}", lose)
    report = world.run("deploy")
    assert report and report.failed and "everything was undone" in report.message, report
    world.violations.clear()
    check_settled(world)


@pytest.mark.parametrize("name", ["deploy", "promote", "rollback"])
def test_haproxy_is_down(world: World, name: str) -> None:
    """Found before anything is built or started, and shown by status."""
    world.router.down = True
    world.faults.disarm()
    report = world.run(name)
    assert report and report.failed and report.message == "refused, nothing was changed"
    assert "does not answer" in report.problems[0]["what"] and not any("docker" in call for call in world.faults.calls)
    assert "does not answer" in status(world.host, world.stack).damage[0]


def test_haproxy_is_back_in_a_moment(world: World) -> None:
    world.router.down = True
    world.faults.on("clock wait 0.1", world.router.restart)
    world.good("rollback")


def test_an_operation_names_what_is_damaged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem("is empty", "/etc/onehost/access.json", "provision it")
    monkeypatch.setattr(world.store, "troubles", lambda stack: [problem])
    assert world.good("rollback").recovered == [f"damaged: {problem}"]
