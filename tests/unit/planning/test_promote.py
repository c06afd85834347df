# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the planned promote says of each app, and what is refused."""

from __future__ import annotations

import dataclasses

from fakes.plans import refused_plan
from fakes.world import World

from release.env.env_file import fingerprint
from release.errors import Problem
from release.operations.observe import observe
from release.planning.promote import plan_promote


def test_promote_without_staging(world: World) -> None:
    assert refused_plan(world, "promote") == [
        Problem("nothing is live in staging", "stack shop", "ansible-playbook onehost.release.deploy_staging")
    ]


def test_the_first_promote_brings_every_app(world: World) -> None:
    world.good("deploy")
    problem = Problem("the first promote must include every app", "apps", "leave `apps` out")
    assert refused_plan(world, "promote", apps=("api",)) == [problem]


def test_each_app_of_a_release_has_its_own_commit_and_source(world: World) -> None:
    world.ship()
    first = world.entries("production")[-1].release
    world.commit({"front": "healthy", "api": "healthy"})
    world.good("deploy")
    staging = world.entries("staging")[-1].release
    world.good("promote", apps=("front",))
    second = world.entries("production")[-1].release
    assert first.commits["front"] != staging.commits["front"] and first.sources["front"] != staging.sources["front"]
    assert second.commits == {**first.commits, "front": staging.commits["front"]}
    assert second.sources == {**first.sources, "front": staging.sources["front"]}
    assert second.images == {**first.images, "front": staging.images["front"]}
    assert all(second.sources.values())


def test_the_record_of_a_staging_release_that_lacks_commits_and_sources(world: World) -> None:
    world.good("deploy")
    seen = observe(world.host, world.stack)
    bare = [
        dataclasses.replace(entry, release=dataclasses.replace(entry.release, commits={}, sources={}))
        for entry in seen.entries
    ]
    release = plan_promote(world.stack, dataclasses.replace(seen, entries=bare), world.request("promote")).release
    assert release.commits == dict.fromkeys(world.stack.apps, bare[0].release.commit)
    assert release.sources == dict.fromkeys(world.stack.apps, "")


def test_a_release_knows_its_routes(world: World) -> None:
    world.good("deploy")
    seen = observe(world.host, world.stack)
    for routes, text in ((b"some", b"some"), (None, b"")):
        known = dataclasses.replace(seen, routes={**seen.routes, "production": routes})
        assert plan_promote(world.stack, known, world.request("promote")).release.routes == fingerprint(text)


def test_a_live_release_without_a_definition_is_promoted_over(world: World) -> None:
    world.ship()
    world.commit({"api": "healthy"})
    world.good("deploy")
    seen = observe(world.host, world.stack)
    old = [
        dataclasses.replace(entry, release=dataclasses.replace(entry.release, definition={})) for entry in seen.entries
    ]
    plan = plan_promote(world.stack, dataclasses.replace(seen, entries=old), world.request("promote", apps=("api",)))
    assert set(plan.release.definition["apps"]) == set(world.stack.apps)
