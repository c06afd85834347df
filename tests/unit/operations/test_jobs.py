# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: no container in a slot, the live release's image and values, by schedule, by hand, never twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.docker import HEALTHY
from fakes.stacks import shop_with_jobs
from fakes.world import World
from invariants.invariants import check_settled

from release.operations import status


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(str(tmp_path), shop_with_jobs())


def test_jobs_are_built_and_promoted_and_have_no_container_in_a_slot(world: World) -> None:
    world.ship()
    assert {box.app for box in world.docker.boxes} == {"api", "front", "mail"}
    [entry] = world.entries("production")
    assert set(entry.release.images) == {"api", "front", "mail", "digest", "report", "migrate", "smoke"}
    assert entry.release.images["digest"] == entry.release.images["api"] != entry.release.images["report"]
    assert world.tag("report", "production") == entry.release.images["report"]
    check_settled(world)


def test_a_release_that_changes_a_job_alone_is_one(world: World) -> None:
    world.ship()
    world.ship(report=HEALTHY)
    again = world.run("deploy")
    assert again is not None and not again.changed and "already runs" in again.message
    back = world.good("rollback")
    assert back.changed
    check_settled(world)


def test_a_rollback_starts_kept_containers_though_jobs_have_none(world: World) -> None:
    world.ship()
    before = {box.id for box in world.docker.boxes if box.environment == "production"}
    world.ship(api=HEALTHY)
    world.good("rollback")
    assert before <= {box.id for box in world.docker.boxes}


def test_the_status_tells_apps_and_jobs_apart(world: World) -> None:
    world.ship()
    found = status.status(world.host, world.stack)
    assert set(found.environments["production"].apps) == {"api", "front", "mail"}
    assert not found.environments["production"].unhealthy_apps
