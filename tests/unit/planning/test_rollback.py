# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the planned rollback says of each app, and what is refused."""

from __future__ import annotations

import dataclasses

from fakes.plans import planned_rollback, refused_plan
from fakes.world import World

from release.errors import Problem
from release.operations.observe import observe
from release.planning.preflight import PROVISION


def test_a_rollback_of_one_app_is_a_release_of_its_own(world: World) -> None:
    world.ship()
    first = world.entries("production")[-1].release
    world.ship(api="healthy", front="healthy")
    second = world.entries("production")[-1].release
    world.good("rollback", apps=("front",))
    third = world.entries("production")[-1].release
    assert third.operation == "rollback" and third.id not in (first.id, second.id)
    assert third.commits == {**second.commits, "front": first.commits["front"]}
    assert third.sources == {**second.sources, "front": first.sources["front"]}
    assert third.images == {**second.images, "front": first.images["front"]}


def test_a_rollback_of_one_app_to_a_record_that_lacks_commits(world: World) -> None:
    world.ship()
    world.ship(front="healthy")
    seen = observe(world.host, world.stack)
    bare = [
        dataclasses.replace(entry, release=dataclasses.replace(entry.release, commits={}, sources={}))
        for entry in seen.entries
    ]
    first = next(entry.release for entry in bare if entry.release.environment == "production")
    request = world.request("rollback", apps=("front",))
    plan = planned_rollback(world, dataclasses.replace(seen, entries=bare), request)
    assert plan.release.commits["front"] == first.commit


def test_a_rollback_brings_back_a_release_that_is_known_already(world: World) -> None:
    world.ship()
    world.ship()
    plan = planned_rollback(world, observe(world.host, world.stack), world.request("rollback"))
    assert plan.is_new is False


def test_a_rollback_to_what_is_not_there(world: World) -> None:
    world.ship()
    world.ship()
    known = ", ".join(entry.release.id for entry in reversed(world.entries("production")))
    assert refused_plan(world, "rollback", release="20200101-1") == [
        Problem("release '20200101-1' is not in the history", "stack shop, production", f"choose one of: {known}")
    ]


def test_secrets_that_cannot_be_read_are_told_with_their_line(world: World) -> None:
    world.ship()
    world.rotate_secret()
    world.ship()
    world.store.env["production"] = b"A='1'\nB='2'\nC='\xff'\n"
    [problem] = refused_plan(world, "rollback")
    assert problem.what.startswith("line 3 is not UTF-8")
    assert problem.where == "/var/lib/onehost/shop/env/production"
    assert problem.fix == f"{PROVISION}, or use that day's secrets: -e secrets=release"
