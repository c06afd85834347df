# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every operation shares: locks, faults, journals, notifications."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import DYING, HEALTHY, SICK, UNBUILDABLE
from fakes.faults import Killed
from fakes.notifier import Listener
from fakes.world import World
from invariants.invariants import check_settled
from support.operations import problems

from release.operations import runner
from release.process import lock
from release.releases.lock_holder import LockHolder
from release.stack.reader import read_stack


@pytest.fixture
def heard(world: World) -> Listener:
    listener = Listener()
    world.host = replace(world.host, notifier=listener)
    return listener


def test_a_release_and_its_way_back(world: World, heard: Listener) -> None:
    world.ship()
    world.ship(api="healthy")
    world.good("rollback", reason="it smells")
    assert heard.kinds == [
        *[("start", "staging"), ("success", "staging"), ("start", "production"), ("success", "production")] * 2,
        ("start", "production"),
        ("rollback", "production"),
    ]
    start, end = heard.events[-2:]
    assert start.text == f"rollback of shop to production started: {end.commit} (by ann on desk: it smells)"
    assert end.text.startswith("rollback of shop to production: production runs ") and end.release and end.was
    assert "back: sudo onehost rollback --stack shop goes back to" in heard.events[7].text


def test_nothing_to_do_is_no_news(world: World, heard: Listener) -> None:
    world.ship()
    heard.events.clear()
    world.good("deploy")
    world.good("promote")
    world.run("deploy", check=True)
    assert heard.events == []


def test_a_failure_is_told_without_what_the_app_printed(world: World, heard: Listener) -> None:
    world.good("deploy")
    world.commit({"api": SICK})
    report = world.run("deploy")
    assert report and "no database" in str(report.problems)
    event = heard.events[-1]
    assert event.event == "failure" and "everything was undone, staging answers as before" in event.text
    assert "no database" not in event.text and "api says something" not in event.text
    world.commit({"api": UNBUILDABLE})
    world.run("deploy")
    assert heard.kinds[-2:] == [("start", "staging"), ("failure", "staging")]
    told = heard.events[-1].text
    assert "api could not be built, at step 2 of 3 (by ann" in told and "RUN false" not in told


def test_a_refusal_is_told_with_its_causes(world: World, heard: Listener) -> None:
    world.run("promote")
    assert heard.kinds == [("failure", "production")]
    assert "refused, nothing was changed" in heard.events[0].text
    assert "\nnothing is live in staging\n" in heard.events[0].text


# Where it is put


def test_when_operations_ask_for_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    class Page:
        def renew(self, stack: str) -> None:
            paths = (lock.lock_path(stack, env, world.paths.locks) for env in ("staging", "production"))
            asked.append(any(lock.holder(path) is not None for path in paths))

    monkeypatch.setattr(world, "host", world.host.__class__(**{**vars(world.host), "page": Page()}))
    assert world.run("deploy", check=True) and asked == [], "check mode changes nothing"
    world.commit({"api": HEALTHY})
    world.good("deploy")
    assert asked == [True, False], "while it runs, and after it gave the lock back"
    asked.clear()
    world.good("promote")
    assert asked == [False], "what is over in a moment shows when it is"
    asked.clear()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    asked.clear()
    world.good("promote", watch_seconds=5)
    assert asked == [True, False], "while it is watched, and at the end"


# What every operation shares


def test_drain_waits_for_requests(world: World) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.router.busy["production", "blue", "api"] = world.clock.time + 4
    begun = world.clock.time
    world.good("promote")
    assert 4 <= world.clock.time - begun < 9
    world.router.busy["production", "green", "api"] = world.clock.time + 1000
    begun = world.clock.time
    world.good("rollback")
    assert 10 <= world.clock.time - begun < 15, "but no longer than the app's drain time"


def test_tidying_that_fails_puts_nothing_back(world: World) -> None:
    """The release was confirmed: it stays, and the next operation does the rest."""
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.faults.on("router sessions production", lambda: setattr(world.router, "down", True), after=False)
    report = world.run("promote")
    assert report and report.failed and report.changed and "but finishing up failed" in report.message
    world.faults.disarm()
    world.router.down = False
    live = world.router.does["production"]
    assert world.unfinished("production")
    assert "it was finished" in world.recover()[0]
    assert world.router.does["production"] == live
    check_settled(world)


def test_going_back_is_taken_up_as_going_back(world: World) -> None:
    """A release that was found bad does not become live because the way back was interrupted."""
    world.ship()
    world.commit({"front": DYING})
    world.good("deploy")
    world.freshen()
    before = world.router.does["production"]

    def refuse() -> None:
        world.router.down = world.router.files["production"] == before

    world.faults.on("router memory production", refuse, after=False)
    report = world.run("promote", watch_seconds=10)
    assert report and "could not be undone" in report.message
    world.faults.disarm()
    world.router.down = False
    assert "it was undone" in world.recover()[0]
    assert world.router.does["production"] == before
    check_settled(world)


def test_way_back_over_an_image_that_is_gone(world: World) -> None:
    """Killed after the tags were moved; then somebody cleans up. The tag goes, and the next operation is free."""
    _, first = world.ship()
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    old = world.entry(first).release.images["api"]
    world.faults.disarm()
    world.faults.on("docker tag api:production", lambda: world.faults.kill_at(1))
    assert world.run("promote") is None
    world.revive()
    world.remove_image(old)
    assert "it was undone" in world.recover()[0]
    check_settled(world)


def test_second_operation_is_told_who_holds_the_lock(world: World) -> None:
    who = LockHolder.from_json(
        {"operation": "promote", "person": "bob", "host": "desk", "since": "12:00:00", "reason": "hotfix"}
    )
    with lock.hold(lock.lock_path("shop", "staging", world.paths.locks), who, 0):
        assert problems(world, "deploy") == [
            "lock shop-staging.lock: busy: promote by bob on desk, since 12:00:00 (hotfix)"
        ]


def test_disk_full_before_anything(world: World) -> None:
    report = world.run("deploy")
    assert report and report.changed
    world.commit({"api": HEALTHY})
    world.faults.fail_at(2, disk=True)
    report = world.run("deploy")
    assert report and report.failed and "No space left on device" in report.problems[0]["what"]
    assert " MB free)" in report.problems[0]["what"]
    assert report.problems[0]["fix"] == report.fix == "ansible-playbook onehost.release.cleanup"


def test_what_the_journal_holds_is_no_secret(world: World) -> None:
    report = world.good("deploy")
    text = Path(report.journal).read_text()
    assert "db://" not in text and "http://staging" not in text
    assert json.loads(text.splitlines()[0])["event"] == "begin"


def test_an_app_that_was_taken_out(world: World) -> None:
    world.ship()
    mapping = world.stack.to_mapping(with_env=True)
    del mapping["apps"]["mail"]
    mapping["apps"]["api"]["after"] = []
    world.stack = read_stack("shop", mapping)
    world.ship(api=HEALTHY)
    release = world.entries("production")[-1].release
    assert set(release.images) == {"api", "front"}
    assert not any(box.app == "mail" for box in world.up("production"))
    assert set(world.entry(world.good("rollback").release).release.images) == {"api", "front", "mail"}


def killed_after(world: World, call: str, operation: str, **options: Any) -> None:
    """Kill the operation just after this change."""
    world.faults.disarm()

    def kill() -> None:
        world.faults.dead = True
        raise Killed

    world.faults.on(call, kill)
    assert world.run(operation, **options) is None
    world.revive()


def test_killed_after_the_switch_and_the_new_release_does_not_answer(world: World) -> None:
    world.ship()
    before = world.router.does["production"]
    world.commit({"api": HEALTHY})
    world.good("deploy")
    killed_after(world, "router memory production", "promote")
    assert world.router.does["production"] != before
    image = world.tag("api", "production")
    world.docker.images[image] = (world.docker.images[image][0], SICK)
    (found,) = world.recover()
    assert "the new release did not answer" in found and "so it was undone" in found
    assert world.router.does["production"] == before and not world.unfinished("production")


def test_killed_while_watching_looks_again(world: World) -> None:
    """It was confirmed once, but the watch had not ended: what died since must not stay."""
    world.ship()
    before = world.router.does["production"]
    world.commit({"front": DYING})
    world.good("deploy")
    world.freshen()
    world.faults.on("clock wait 0.5", lambda: setattr(world.faults, "dead", True))
    assert world.run("promote", watch_seconds=10) is None
    world.revive()
    world.docker.images[world.tag("front", "production")] = (
        world.docker.images[world.tag("front", "production")][0],
        SICK,
    )
    assert "so it was undone" in world.recover()[0]
    assert world.router.does["production"] == before


def test_a_build_that_leaves_no_image(world: World) -> None:
    world.faults.on("docker build api", lambda: world.docker.tags.pop(f"api:{world.git.head[:12]}"))
    report = world.run("deploy")
    assert report and report.failed and "the build produced no image" in report.problems[0]["what"]


def test_a_container_that_vanishes_while_it_starts(world: World) -> None:
    world.good("deploy")
    world.commit({"api": HEALTHY})

    def lose() -> None:
        world.docker.boxes = [box for box in world.docker.boxes if not (box.app == "api" and box.slot == "green")]

    world.faults.on("docker start api in staging green", lose)
    report = world.run("deploy")
    assert report and report.failed and "app api has no container" in report.problems[0]["what"]
    check_settled(world)


def test_live_release_that_is_not_in_the_history(world: World) -> None:
    """Its folder was removed by hand: everything can be deployed and promoted all the same."""
    world.ship()
    for name in list(world.store.written):
        del world.store.written[name]
    world.good("deploy")
    world.good("promote")
    world.violations.clear()
    check_settled(world)


def test_names_of_journals(world: World) -> None:
    path = runner.new_journal_path(world.host, world.stack, world.request("promote"))
    assert "-production-promote-" in path and path.endswith(".jsonl") and path.startswith(world.paths.state)
