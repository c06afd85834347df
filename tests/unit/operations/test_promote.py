# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promote on a faked host: what it does, refuses and leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.docker import HEALTHY
from fakes.stacks import shop_with_processes
from fakes.world import World
from invariants.invariants import check_settled
from support.operations import problems

from release.stack.reader import read_stack


def test_promote_moves_the_very_images(world: World) -> None:
    world.ship()
    tested = {app: world.tag(app, "staging") for app in world.stack.apps}
    assert tested == {app: world.tag(app, "production") for app in world.stack.apps}
    built = len(world.docker.images)
    again = world.good("promote")
    assert not again.changed and len(world.docker.images) == built
    before = {app: world.tag(app, "production") for app in world.stack.apps}
    world.ship(api=HEALTHY)
    assert before == {app: world.tag(app, "rollback") for app in world.stack.apps}


def test_promote_refuses(world: World) -> None:
    assert "nothing is live in staging" in problems(world, "promote")[0]
    world.good("deploy")
    assert "the first promote must include every app" in problems(world, "promote", apps=("api",))[0]
    world.store.env.pop("production")
    assert any("env file is missing" in text for text in problems(world, "promote", apps=("nobody",)))


def test_promote_of_some_apps(world: World) -> None:
    world.ship()
    old = {app: world.tag(app, "production") for app in world.stack.apps}
    world.commit({"api": HEALTHY, "mail": HEALTHY})
    world.good("deploy")
    release = world.entry(world.good("promote", apps=("mail",)).release).release
    assert release.images["api"] == old["api"] and release.images["mail"] == world.tag("mail", "staging")
    check_settled(world)


def test_promote_mends_what_does_not_run(world: World) -> None:
    world.ship()
    world.docker.boxes.remove(world.up("production")[0])
    assert world.good("promote").changed
    world.violations.clear()
    check_settled(world)


def test_a_new_setting_is_a_change(world: World) -> None:
    world.ship()
    world.store.env["production"] = b"PUBLIC_URL='http://other'\n"
    assert world.good("promote").changed


def test_two_operations_in_one_second(world: World) -> None:
    time = world.clock.time
    world.good("deploy")
    for _ in range(3):
        world.clock.time = time
        world.good("deploy", rebuild=True)
    names = [entry.release.id for entry in world.entries("staging")]
    assert len(set(names)) == 4 and names == sorted(names)


@pytest.fixture
def processes(one_by_one: None, tmp_path: Path) -> World:
    return World(str(tmp_path), shop_with_processes())


@pytest.mark.parametrize(("asked", "along"), [("jobs", "api"), ("api", "jobs")])
def test_apps_of_one_image_go_together(processes: World, asked: str, along: str) -> None:
    processes.ship()
    old = processes.tag("front", "production")
    processes.commit({"api": HEALTHY, "front": HEALTHY})
    processes.good("deploy")
    report = processes.good("promote", apps=(asked,))
    release = processes.entry(report.release).release
    assert release.images["api"] == release.images["jobs"] == processes.tag("api", "staging")
    assert release.images["front"] == old
    assert report.notes == [f"{along} goes along: apps of one image have the same in a release"]
    check_settled(processes)


def test_staging_has_tried_whose_image_it_is(processes: World) -> None:
    shared = processes.stack
    processes.stack = read_stack("shop", shop_with_processes(image_of=None, context="jobs"))
    processes.ship()
    processes.commit({"jobs": HEALTHY})
    processes.good("deploy")
    processes.stack = shared
    for skipped in ((), ("same_settings",)):
        found = problems(processes, "promote", skip_gates=skipped)
        assert found == ["app jobs: runs the image of api, which would have another one in this release"]
    processes.good("deploy")
    processes.good("promote")
    check_settled(processes)
