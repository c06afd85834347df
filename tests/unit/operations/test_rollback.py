# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollback on a faked host: what it does, refuses and leaves alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import DYING, HEALTHY
from fakes.stacks import shop_definition, shop_with_processes
from fakes.world import World
from invariants.invariants import check_settled
from support.operations import problems, restarted

from release.env.env_file import parse_env
from release.process import journal
from release.releases.runtime import ProbeTarget
from release.stack.reader import read_stack

# Rollback


def test_rollback_with_nothing_to_go_back_to(world: World) -> None:
    assert "nothing is live" in problems(world, "rollback")[0]
    world.ship()
    assert "there is no good release to roll back to" in problems(world, "rollback")[0]
    assert "is not in the history" in problems(world, "rollback", release="yesterday")[0]
    assert any("'nobody' is not an app" in text for text in problems(world, "rollback", apps=("nobody",)))


def test_rollback_starts_what_was_kept(world: World) -> None:
    _, first = world.ship()
    world.ship()
    kept = {box.id for box in world.docker.boxes if box.release == first}
    assert world.good("rollback").release == first
    assert {box.id for box in world.up("production")} == kept
    assert not any("docker create" in call for call in world.faults.calls[-20:])


def test_warm_rollback_is_only_a_switch(world: World) -> None:
    _, first = world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote", warm_seconds=600)
    assert {box.release for box in world.up("production", "blue")} == {first}
    world.faults.disarm()
    world.good("rollback")
    calls = [call for call in world.faults.calls if call.startswith("docker") and "tag" not in call]
    assert calls == [call for call in calls if call.startswith("docker stop") and call.endswith("green")], calls


def test_warm_worker_that_restarted_long_ago(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote", warm_seconds=600)
    next(box for box in world.up("production", "blue") if box.app == "mail").restarts_before = 7
    assert world.good("rollback").changed


def test_nobody_waits_for_the_slot_that_a_warm_rollback_came_from(world: World) -> None:
    """Its open requests have their drain time; its worker, which has none, is stopped at once."""
    _, first = world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    second = world.good("promote", warm_seconds=600).release
    world.router.busy["production", "green", "api"] = world.clock.time + 1000
    begun = world.clock.time
    assert world.good("rollback").release == first
    assert world.clock.time - begun < 1
    assert {box.app for box in world.up("production") if box.release == second} == {"api", "front"}
    check_settled(world)
    world.clock.time = world.timer.armed["production"]
    world.expire_standby()
    assert not [box for box in world.up("production") if box.release == second]
    check_settled(world)


def test_cooling_a_warm_slot(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote", warm_seconds=600)
    assert world.timer.armed["production"] == pytest.approx(world.clock.time + 600)
    assert world.expire_standby() == [] and world.up("production", "blue")
    world.clock.time += 601
    assert "is no longer kept warm" in world.expire_standby()[0]
    assert not world.up("production", "blue") and world.up("production", "green")
    assert world.expire_standby() == []
    check_settled(world)


def test_cooling_leaves_alone_what_went_live_again(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote", warm_seconds=600)
    note = world.store.notes["production"]
    world.good("rollback")
    world.clock.time += 601
    world.expire_standby()
    world.store.notes["production"] = note
    world.expire_standby()
    check_settled(world)


def test_rollback_twice_and_a_new_promote(world: World) -> None:
    _, first = world.ship()
    _, second = world.ship()
    world.good("rollback")
    again = world.good("rollback")
    assert not again.changed and "a second rollback changes nothing" in again.message
    assert world.entry(second).status == "rolled_back"
    _, third = world.ship()
    assert world.good("rollback").release == first != second
    assert world.entry(third).status == "rolled_back"


def test_rollback_to_a_named_release(world: World) -> None:
    _, first = world.ship()
    _, second = world.ship()
    world.good("rollback")
    report = world.good("rollback", release=second)
    assert report.changed and world.entry(second).status == "live" and world.entry(first).status == "previous"
    assert not world.good("rollback", release=second).changed
    check_settled(world)
    # That was no way back, so there is one from here.
    assert world.entry(second).via == "forward"
    assert world.good("rollback").release == first
    assert not world.good("rollback").changed


def test_rollback_over_two_releases_then_a_promote(world: World) -> None:
    """The way back leads to what was live last, which is not the one with the newest id."""
    _, first = world.ship()
    _, second = world.ship()
    world.ship()
    world.clock.time += 2
    world.good("rollback", release=first)
    check_settled(world)
    world.clock.time += 2
    world.ship()
    check_settled(world)
    assert world.good("rollback").release == first != second


def test_rollback_never_to_what_failed(world: World) -> None:
    world.ship()
    world.ship()
    failed = dataclasses.replace(world.entry(world.entries("production")[0].release.id), status="failed")
    world.store.written[failed.release.id].status = "failed"
    assert "was never live: failed" in problems(world, "rollback", release=failed.release.id)[0]
    assert "there is no good release" in problems(world, "rollback")[0]


def test_rollback_without_images(world: World) -> None:
    _, first = world.ship()
    _, second = world.ship()
    world.ship()
    lost = world.entry(second).release
    world.docker.boxes = [box for box in world.docker.boxes if box.release != second]
    world.remove_image(lost.images["api"])
    assert any(f"release {second}: image" in text for text in problems(world, "rollback", release=second))
    assert world.good("rollback").release == first, "further back, where everything is there"


def test_rollback_when_all_images_are_gone(world: World) -> None:
    world.ship()
    world.ship()
    world.prune()
    found = problems(world, "rollback")
    assert len(found) == 1 and "of app api is missing" in found[0]
    report = world.run("rollback")
    assert report and "-e version=" in report.problems[0]["fix"]


def test_rollback_tag_when_what_was_before_has_lost_its_images(world: World) -> None:
    """Going back one release must not fail because the one before that cannot be named any more."""
    _, first = world.ship()
    _, second = world.ship()
    world.ship()
    world.remove_image(world.entry(first).release.images["api"])
    assert world.good("rollback").release == second
    assert world.tag("api", "rollback") == ""


def note_slot_env(world: World, seen: dict[str, bytes]) -> None:
    """Keep the env files that production's slots are written with."""
    for slot in ("blue", "green"):
        world.faults.on(
            f"store slot production {slot}", lambda slot=slot: seen.update(world.store.slot_env["production", slot])
        )


@pytest.mark.parametrize("secrets", ["today", "release"])
def test_rollback_and_a_rotated_secret(world: World, secrets: str) -> None:
    world.ship()
    world.store.env["production"] = b"PUBLIC_URL='http://new'\n"
    world.ship()
    world.rotate_secret()
    rotated = parse_env(world.store.env["common"].decode())["DATABASE_URL"]
    seen: dict[str, bytes] = {}
    note_slot_env(world, seen)
    world.good("rollback", secrets=secrets)
    if secrets == "release":
        assert not seen, "nothing differs from that day: the kept containers are started"
        return
    assert parse_env(seen["common"].decode()) == {"DATABASE_URL": rotated, "COLOUR": "blue"}
    assert parse_env(seen["production"].decode()) == {"PUBLIC_URL": "http://production"}


def test_rollback_and_a_secret_that_is_gone_or_moved(world: World) -> None:
    world.ship()
    world.ship()
    world.store.env["common"] = b"COLOUR='blue'\n"
    world.store.env["production"] = b"PUBLIC_URL='http://production'\nDATABASE_URL='db://moved'\n"
    seen: dict[str, bytes] = {}
    note_slot_env(world, seen)
    world.good("rollback")
    assert parse_env(seen["common"].decode())["DATABASE_URL"] == "db://moved"
    world.good("rollback", release=world.entries("production")[1].release.id)
    world.store.env["production"] = b"PUBLIC_URL='http://production'\n"
    seen.clear()
    world.good("rollback", release=world.entries("production")[0].release.id)
    assert not seen or parse_env(seen["common"].decode())["DATABASE_URL"] == "db://1", "it comes back"


def test_rotated_key_creates_containers_anew(world: World) -> None:
    world.ship()
    world.ship()
    world.store.keys["jwt_private.pem"] = b"two"
    world.faults.disarm()
    world.good("rollback")
    assert any(call.startswith("docker create") for call in world.faults.calls)


def test_rollback_of_some_apps(world: World) -> None:
    _, first = world.ship()
    _, second = world.ship(api=HEALTHY, mail=HEALTHY)
    report = world.good("rollback", apps=("api",))
    made = world.entry(report.release).release
    assert made.images["api"] == world.entry(first).release.images["api"]
    assert made.images["mail"] == world.entry(second).release.images["mail"]
    assert world.entry(second).status == "rolled_back"
    check_settled(world)


def test_rollback_of_apps_that_did_not_change(world: World) -> None:
    world.ship()
    world.ship(api=HEALTHY)
    report = world.good("rollback", apps=("mail",))
    assert not report.changed and "already run the images of that release" in report.message


def test_rollback_brings_routes_back(world: World) -> None:
    world.ship()
    before = world.edge.memory["production"]
    restarted(world, front={"routes": [{"path": "/front"}, {"path": "/shop"}]})
    world.ship(front=HEALTHY)
    assert world.edge.memory["production"] != before
    world.good("rollback")
    assert world.edge.memory["production"] == before


def test_an_app_that_stays_keeps_its_settings(world: World) -> None:
    """Its containers were made from those, and answer on the old port."""
    world.ship()
    restarted(world, api={"port": 9001, "memory": "64m"}, front={"memory": "32m"})
    world.commit({"front": HEALTHY})
    world.good("deploy", apps=("front",))
    then = world.entries("staging")[-1].release.definition["apps"]
    assert (then["api"]["port"], then["front"]["memory"]) == (3000, "32m") and then["api"]["memory"] != "64m"
    found = problems(world, "promote", check=True)
    assert "changed since staging was deployed: api: port, api: memory" in found[0]
    world.good("deploy")
    assert world.good("promote").changed
    check_settled(world)


def test_what_was_removed_by_hand_is_there_again_after_a_way_back(one_by_one: None, tmp_path: Any) -> None:
    """Somebody removes what production ran, while a promote that will fail is under way."""
    world = World(str(tmp_path), shop_definition(in_place=True))
    world.ship()
    world.commit({"api": DYING})
    world.good("deploy")
    world.freshen()
    live = world.router.does["production"].partition("/")[2]
    confirm = world.probe.edge

    def remove(*arguments: Any) -> Any:
        world.docker.boxes = [box for box in world.docker.boxes if box.release != live]
        return confirm(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.probe, "edge", remove)
        report = world.run("promote", watch_seconds=10)
    assert report and report.failed and not report.changed
    assert {box.app for box in world.up("production")} == {"api", "front", "mail"}
    check_settled(world)


def test_rollback_over_a_change_of_how_an_app_is_replaced(world: World) -> None:
    """An app's port depends on whether it may run twice."""
    world.ship()
    restarted(world, front={"replace": "stop_first"})
    world.ship(front=HEALTHY)
    check_settled(world)
    world.good("rollback")
    check_settled(world)


def test_kept_containers_are_started_in_order(world: World) -> None:
    world.ship()
    world.ship()
    world.faults.disarm()
    world.good("rollback")
    starts = [call.split()[2] for call in world.faults.calls if call.startswith("docker start")]
    assert starts.index("mail") < starts.index("api")
    api, mail = (next(b for b in world.up("production") if b.app == app) for app in ("api", "mail"))
    assert api.began - mail.began >= 1, "the worker was up before the api was started"


def test_apps_that_never_run_twice_are_started_in_order(one_by_one: None, tmp_path: Any) -> None:
    world = World(str(tmp_path), shop_definition(in_place=True))
    world.ship()
    world.ship(front=HEALTHY, mail=HEALTHY)
    front, mail = (next(b for b in world.up("production") if b.app == app) for app in ("front", "mail"))
    assert front.began - mail.began >= 1
    check_settled(world)


def in_place(tmp_path: Any) -> World:
    """A shop whose apps never run twice, with something to promote."""
    world = World(str(tmp_path), shop_definition(in_place=True))
    world.ship()
    world.commit({"front": HEALTHY})
    world.good("deploy")
    world.faults.disarm()
    return world


def test_nobody_connects_to_an_app_that_is_told_to_stop(one_by_one: None, tmp_path: Any) -> None:
    """First the router is refused, then what has connected is answered, then the app is told, then the port is free."""
    world = in_place(tmp_path)
    world.intake.open = [3, 2, 1]
    world.good("promote")
    calls = [call.split()[0:2] for call in world.faults.calls]
    held, admitted = (next(i for i, call in enumerate(calls) if call[0] == word) for word in ("hold", "admit"))
    stopped = next(i for i, call in enumerate(world.faults.calls) if call.startswith("docker stop front"))
    started = next(i for i, call in enumerate(world.faults.calls) if call.startswith("docker start front"))
    assert held < stopped < admitted < started
    assert not world.intake.open and not world.intake.held
    check_settled(world)


def test_an_app_that_never_ends_its_requests_is_stopped_nevertheless(one_by_one: None, tmp_path: Any) -> None:
    world = in_place(tmp_path)
    world.intake.open = [1] * 1000
    begun = world.clock.monotonic()
    world.good("promote")
    assert world.intake.open and world.clock.monotonic() - begun < 30
    check_settled(world)


def test_what_an_app_has_not_accepted_has_its_drain_time(one_by_one: None, tmp_path: Any) -> None:
    """It would be reset; what it has accepted it finishes while it stops."""
    world = in_place(tmp_path)
    world.intake.open, world.intake.not_accepted = [1] * 2000, [1] * 400
    world.good("promote")
    assert world.intake.not_accepted == [] and world.intake.open, "as long as it accepts, and no longer"
    world.commit({"front": HEALTHY})
    world.good("deploy")
    world.intake.open, world.intake.not_accepted = [1] * 9000, [1] * 9000
    world.good("promote")
    assert len(world.intake.not_accepted) > 7000, "but not for ever"
    check_settled(world)


def test_without_the_packet_filter_a_release_goes_on_and_says_so(one_by_one: None, tmp_path: Any) -> None:
    world = in_place(tmp_path)
    world.intake.trouble = "No such file or directory: 'nft'"
    world.good("promote")
    record = max(Path(journal.directory("shop", world.paths.state)).glob("*-promote-*"))
    assert "new connections are not held while apps stop, so some may be lost" in record.read_text()
    check_settled(world)


# What every operation shares


def test_rollback_to_a_release_with_an_app_that_was_taken_out(world: World) -> None:
    """It answers again: its routes and its place in the router are the release's, not today's."""
    _, first = world.ship()
    mapping = world.stack.to_mapping(with_env=True)
    del mapping["apps"]["front"]
    world.stack = read_stack("shop", mapping)
    check_settled(world)
    world.ship(api=HEALTHY)
    assert world.good("rollback").release == first
    assert {box.app for box in world.up("production")} == {"api", "front", "mail"}
    check_settled(world)
    assert world.probe.edge(ProbeTarget(8200, "localhost", "/front/ready", False, "")).body == f"front of {first}"


def test_rollback_of_apps_of_one_image(one_by_one: None, tmp_path: Any) -> None:
    world = World(str(tmp_path), shop_with_processes())
    _, first = world.ship()
    _, second = world.ship(api=HEALTHY, mail=HEALTHY)
    report = world.good("rollback", apps=("jobs",))
    made = world.entry(report.release).release
    assert made.images["api"] == made.images["jobs"] == world.entry(first).release.images["api"]
    assert made.images["mail"] == world.entry(second).release.images["mail"]
    assert report.notes == ["api goes along: apps of one image have the same in a release"]
    check_settled(world)


def test_rollback_of_some_apps_to_when_they_had_two_images(one_by_one: None, tmp_path: Any) -> None:
    world = World(str(tmp_path), shop_with_processes(image_of=None, context="jobs"))
    world.ship()
    world.stack = read_stack("shop", shop_with_processes())
    world.ship(api=HEALTHY)
    (found,) = problems(world, "rollback", apps=("jobs",))
    assert found == "app jobs: runs the image of api, which would have another one in this release"
    assert world.good("rollback").changed, "as a whole it is what it was"
    check_settled(world)
