# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the planned release says of each app, and what is refused with which place and fix."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support.fakes import World

from release.env.env_file import fingerprint
from release.errors import Problem, RefusedError
from release.operations.observe import observe
from release.planning.preflight import PROVISION
from release.planning.promote import plan_promote
from release.planning.rollback import choose, plan_rollback
from release.releases.host_state import HostState
from release.releases.plan import Plan
from release.releases.release import seconds_of
from release.releases.request import Request


def planned_rollback(world: World, seen: HostState, request: Request) -> Plan:
    target = choose(world.stack, seen, request)
    then = world.store.release_env(world.stack, target.release.id)
    home = world.store.slot_compose_path(world.stack, request.environment, seen.idle_slot(request.environment))
    return plan_rollback(world.stack, seen, request, target, then, home.rpartition("/")[0])[0]


def refused(world: World, operation: str, seen: HostState | None = None, **options: Any) -> list[Problem]:
    seen = seen or observe(world.host, world.stack)
    request = world.request(operation, **options)
    with pytest.raises(RefusedError) as caught:
        if operation == "promote":
            plan_promote(world.stack, seen, request)
        else:
            planned_rollback(world, seen, request)
    return list(caught.value.problems)


def test_promote_without_staging(world: World) -> None:
    assert refused(world, "promote") == [
        Problem("nothing is live in staging", "stack shop", "ansible-playbook playbooks/deploy_staging.yml")
    ]


def test_the_first_promote_brings_every_app(world: World) -> None:
    world.good("deploy")
    problem = Problem("the first promote must bring every app", "apps", "leave `apps` out")
    assert refused(world, "promote", apps=("api",)) == [problem]


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
    assert refused(world, "rollback", release="20200101-1") == [
        Problem("release '20200101-1' is not in the history", "stack shop, production", f"choose one of: {known}")
    ]


def test_secrets_that_cannot_be_read_are_told_with_their_line(world: World) -> None:
    world.ship()
    world.rotate_secret()
    world.ship()
    world.store.env["production"] = b"A='1'\nB='2'\nC='\xff'\n"
    [problem] = refused(world, "rollback")
    assert problem.what.startswith("line 3 is not UTF-8")
    assert problem.where == f"{world.stack.directory}/config/.env.production"
    assert problem.fix == f"{PROVISION}, or use that day's secrets: -e secrets=release"


def test_the_moment_that_a_name_begins_with() -> None:
    assert seconds_of("19700101T000100Z-production-abcdef0") == 60.0
    assert seconds_of("19700101T000100Z") == 60.0
    assert seconds_of("") is None and seconds_of("yesterday") is None
