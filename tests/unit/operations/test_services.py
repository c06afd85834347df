# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of an environment: started before the apps, changed on purpose only, put back if they fail."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import HEALTHY, SICK, UNBUILDABLE
from fakes.notifier import Listener
from fakes.stacks import REDIS, host_with_services, shop_with_services
from fakes.world import World

from release.errors import OperationError, RefusedError
from release.operations import change_services, host_usage, status
from release.operations.change_services import ServicesReport
from release.releases.lock_holder import LockHolder
from release.stack.reader import read_stack

OTHER = "redis@sha256:" + "c" * 64


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(str(tmp_path), shop_with_services())
    host_with_services(found)
    return found


def provision(world: World, **services: Any) -> None:
    """Change services in the inventory, and provision; None takes one out."""
    definition = shop_with_services()
    for name, changes in services.items():
        if changes is None:
            del definition["services"][name]
        else:
            definition["services"][name] = {**definition["services"].get(name, {}), **changes}
    world.stack = read_stack("shop", definition)


def boxes(world: World, environment: str = "staging") -> dict[str, Any]:
    return {box.name: box for box in world.docker.beside if box.environment == environment}


def done(world: World, environment: Any = "staging") -> ServicesReport:
    report = world.change_services(environment)
    assert isinstance(report, ServicesReport), report
    return report


def test_a_deploy_starts_them_before_the_apps(world: World) -> None:
    world.good("deploy")
    found = boxes(world)
    assert {name: box.up for name, box in found.items()} == {"redis": True, "search": True}
    calls = world.faults.calls
    first_app = next(i for i, call in enumerate(calls) if call.startswith("docker start mail"))
    assert calls.index("docker start service redis") < calls.index("docker start service search") < first_app
    assert not boxes(world, "production"), "only those of the environment"


def test_they_are_in_the_networks_of_both_slots_and_have_no_port(world: World) -> None:
    world.good("deploy")
    assert boxes(world)["redis"].networks == ("shop-staging-blue-172.16.224.0", "shop-staging-green-172.16.224.32")
    for labels in world.docker.networks.values():
        # Compose takes these for its own when a release of the slot starts.
        assert labels["com.docker.compose.network"] == "default"
        assert labels["com.docker.compose.project"] == f"shop-staging-{labels['release.onehost.slot']}"
    files = [file for path, file in world.store.files.items() if "/services/" in path]
    assert files and all("ports" not in item for file in files for item in file["services"].values())


def test_a_release_never_touches_one_that_runs(world: World) -> None:
    world.ship()
    before = [box.id for box in world.docker.beside]
    provision(world, redis={"command": ["redis-server", "--save", ""]})
    world.ship(api=HEALTHY)
    world.good("rollback")
    assert [box.id for box in world.docker.beside] == before
    assert all(box.gone == 0 and box.up for box in world.docker.beside)


def test_a_release_starts_one_that_was_stopped_as_it_is(world: World) -> None:
    world.good("deploy")
    redis = boxes(world)["redis"]
    redis.up = False
    provision(world, redis={"command": ["other"]})
    world.commit({"api": HEALTHY})
    world.good("deploy")
    assert boxes(world)["redis"].id == redis.id and redis.up


def test_a_service_that_stays_sick_stops_the_deploy_and_is_removed_again(world: World) -> None:
    world.docker.sick_services = {"search"}
    report = world.run("deploy")
    assert report and report.failed
    assert "search" in report.problems[0]["what"] and "connection refused" in report.problems[0]["what"]
    assert set(boxes(world)) == {"redis"}, "the one before it is healthy, and stays"
    assert not world.up("staging"), "no app was started"
    assert world.docker.volumes == {"shop_staging_data": 999, "shop_staging_uploads": 10001}


def test_a_sick_app_leaves_the_services_running(world: World) -> None:
    world.commit({"api": SICK})
    report = world.run("deploy")
    assert report and report.failed and all(box.up for box in world.docker.beside)


def test_both_slots_share_a_volume_and_no_two_environments(world: World) -> None:
    world.ship()
    world.ship(api=HEALTHY)
    for environment in ("staging", "production"):
        for slot in ("blue", "green"):
            compose = world.store.files[f"/state/{environment}-{slot}/compose.json"]
            assert list(compose["volumes"]) == [f"shop_{environment}_uploads"]
            mount = compose["services"]["api"]["volumes"][-1]
            assert (mount["source"], mount["target"]) == (f"shop_{environment}_uploads", "/uploads")
            assert mount["volume"] == {"nocopy": True}, "it is its user's, not the image's"


def test_nothing_to_do(world: World) -> None:
    world.good("deploy")
    before = world.faults.count
    report = done(world)
    assert not report.changed and report.lines == ["staging: 2 services are as the stack has them"]
    assert world.faults.count == before


def test_a_changed_command_replaces_one_and_no_other(world: World) -> None:
    world.good("deploy")
    search = boxes(world)["search"].id
    provision(world, redis={"command": ["redis-server", "--appendonly", "yes"]})
    seen = change_services.preview(world.host, world.stack, ["staging"])
    assert seen.changed and "restarts it" in seen.lines[0] and boxes(world)["redis"].gone == 0
    report = done(world)
    assert report.changed and boxes(world)["redis"].gone == 1 and boxes(world)["search"].id == search
    assert boxes(world)["redis"].mounted == ("shop_staging_data",)
    files = [path for path in world.store.files if "/services/staging/redis/" in path]
    assert len(files) == 1, "the files of before are gone"


def test_one_that_does_not_get_healthy_is_put_back(world: World) -> None:
    world.good("deploy")
    before = boxes(world)["redis"].created_from
    provision(world, redis={"image": OTHER})
    world.docker.registry.add(OTHER)
    world.docker.sick_services = {OTHER}
    error = world.change_services("staging")
    assert isinstance(error, OperationError) and "it is as it was before" in error.cause
    redis = boxes(world)["redis"]
    assert redis.up and redis.created_from == before and redis.image == REDIS
    assert not world.unfinished("staging")
    files = [path for path in world.store.files if "/services/staging/redis/" in path]
    assert files == [world.store.service_path(world.stack, "staging", "redis", before)]


def test_one_that_is_put_back_and_sick_all_the_same_is_told(world: World) -> None:
    world.good("deploy")
    provision(world, redis={"command": ["x"]})
    world.docker.sick_services = {"redis"}
    error = world.change_services("staging")
    assert isinstance(error, OperationError) and "as it was before, and not healthy either" in error.cause
    assert boxes(world)["redis"].up and not world.unfinished("staging")


def test_what_is_interrupted_is_told_and_put_back(world: World) -> None:
    world.good("deploy")
    before = boxes(world)["redis"].created_from
    provision(world, redis={"command": ["x"]})
    world.faults.kill_at(4)
    assert world.change_services("staging") is None
    world.revive()
    (told,) = world.recover()
    assert "was interrupted at services; redis was put back" in told
    assert boxes(world)["redis"].created_from == before and boxes(world)["redis"].up


def with_built(world: World, **changes: Any) -> None:
    """A third service, built from a folder of the source."""
    built = {"context": "tools", "health": {"port": 9}, "health_seconds": 5, **changes}
    world.stack = read_stack("shop", shop_with_services(tools=built))
    world.commit({"tools": HEALTHY})


def test_one_that_is_built_comes_with_the_first_release_and_then_when_asked_for(world: World) -> None:
    with_built(world)
    world.ship()
    staging, production = boxes(world)["tools"], boxes(world, "production")["tools"]
    assert staging.image == production.image and staging.image.startswith("sha256:")
    assert world.git.laid_out.count(["tools"]) == 1, "production runs what staging runs"
    world.commit({"tools": HEALTHY})
    world.ship(api=HEALTHY)
    assert boxes(world)["tools"].id == staging.id, "a release changes none, nor builds it"
    assert world.git.laid_out.count(["tools"]) == 1
    assert not change_services.preview(world.host, world.stack, ["production"]).changed
    shown = change_services.preview(world.host, world.stack, ["staging"])
    assert shown.lines == ["staging: would replace tools, which restarts it: apps are without it meanwhile"]
    assert world.git.laid_out.count(["tools"]) == 1, "check mode builds nothing"
    assert done(world).changed and boxes(world)["tools"].image != production.image
    assert not done(world).changed, "nor is it built twice"
    assert status.status(world.host, world.stack).environments["production"].service_changes == ()
    done(world, "production")
    assert boxes(world, "production")["tools"].image == boxes(world)["tools"].image


def test_one_of_production_alone_is_built_for_it(world: World) -> None:
    with_built(world, environments=["production"])
    world.ship()
    assert "tools" not in boxes(world) and boxes(world, "production")["tools"].up


def test_production_waits_for_what_staging_has_tried(world: World) -> None:
    with_built(world)
    error = world.change_services("production")
    assert isinstance(error, RefusedError) and "where=staging" in error.problems[0].fix
    assert not boxes(world, "production")


def test_one_that_cannot_be_built_changes_nothing(world: World) -> None:
    with_built(world)
    world.good("deploy")
    before = boxes(world)["tools"].id
    world.commit({"tools": UNBUILDABLE})
    error = world.change_services("staging")
    assert isinstance(error, OperationError) and "tools could not be built" in error.what
    assert boxes(world)["tools"].id == before and not world.unfinished("staging")
    with_built(world, context="nowhere")
    error = world.change_services("staging")
    assert isinstance(error, RefusedError) and "folder nowhere does not exist" in str(error)


def test_a_killed_build_leaves_nothing(world: World) -> None:
    with_built(world)
    world.faults.kill_at(3)  # fetched, laid out, built
    assert world.change_services("staging") is None
    world.revive()
    assert world.git.trees == 1
    (told,) = world.recover()
    assert "nothing had been changed" in told and not world.git.trees


def test_the_image_of_before_stays_until_the_change_is_settled(world: World) -> None:
    with_built(world)
    world.good("deploy")
    old = boxes(world)["tools"].image
    world.commit({"tools": HEALTHY})
    world.faults.kill_at(7)  # fetch, lay out, write, build, write, remove; then the new container
    assert world.change_services("staging") is None
    world.revive()
    assert "tools" not in boxes(world)
    assert old in host_usage.observe_stack(world.host, world.stack).needed_images
    world.recover()
    assert boxes(world)["tools"].image == old
    assert old not in host_usage.observe_stack(world.host, world.stack).needed_images, "its container keeps it"


def test_a_stack_without_services_needs_no_addresses_for_them(tmp_path: Path) -> None:
    plain = World(str(tmp_path))
    seen = change_services.preview(plain.host, plain.stack)
    assert not seen.changed and seen.lines[0] == "staging: the stack has no services here"


def test_what_a_person_asks_for(world: World) -> None:
    who = LockHolder.from_json({})
    world.good("deploy")
    with pytest.raises(RefusedError, match="is not given"):
        change_services.request(world.host, world.stack, "", who)
    with pytest.raises(RefusedError, match="'qa' is not an environment"):
        change_services.request(world.host, world.stack, "qa", who)
    shown = change_services.request(world.host, world.stack, "", who, check=True)
    assert shown.changed and shown.lines[0] == "staging: 2 services are as the stack has them"
    assert shown.lines[1:] == ["production: would create redis", "production: would create search"]
    assert change_services.request(world.host, world.stack, "production", who).changed
    last = status.status(world.host, world.stack).environments["production"].operations[0]
    assert (last.operation, last.outcome, last.message) == ("services", "succeeded", "create redis; create search")


def test_a_full_disk_is_told(world: World) -> None:
    world.good("deploy")
    provision(world, redis={"command": ["x"]})
    world.faults.fail_at(1, disk=True, lasting=True)
    error = world.change_services("staging")
    assert isinstance(error, OperationError) and "No space left" in str(error)


def test_an_image_that_does_not_come_changes_nothing(world: World) -> None:
    world.good("deploy")
    provision(world, redis={"image": OTHER}, search={"command": ["x"]})
    error = world.change_services("staging")
    assert isinstance(error, OperationError) and OTHER in str(error)
    assert all(box.gone == 0 and box.up for box in world.docker.beside)


def test_an_image_of_this_host_is_not_fetched(world: World) -> None:
    provision(world, redis={"image": "sha256:" + "d" * 64})
    error = world.change_services("staging")
    assert isinstance(error, OperationError) and "docker load" in error.fix


def test_one_that_was_taken_out_is_removed_and_its_volume_stays(world: World) -> None:
    world.good("deploy")
    provision(world, redis=None, search={"after": []})
    world.commit({"api": HEALTHY})
    world.good("deploy")
    assert set(boxes(world)) == {"redis", "search"}, "a release removes none"
    assert "its volumes stay" in change_services.preview(world.host, world.stack, ["staging"]).lines[0]
    done(world)
    assert set(boxes(world)) == {"search"} and "shop_staging_data" in world.docker.volumes
    assert not [path for path in world.store.files if "/redis/" in path]


def test_a_service_of_one_environment(world: World) -> None:
    provision(world, search={"environments": ["production"], "after": []})
    world.ship()
    assert set(boxes(world)) == {"redis"} and set(boxes(world, "production")) == {"redis", "search"}


def test_only_what_names_a_service_in_the_matrix_gets_there(world: World) -> None:
    definition = shop_with_services()
    definition["env_matrix"] = {
        "DATABASE_URL": {"class": "secret", "same": True},
        "COLOUR": {"apps": ["redis", "api"]},
        "PUBLIC_URL": {},
    }
    world.stack = read_stack("shop", definition)
    world.good("deploy")
    (env,) = (data for path, data in world.store.service_env.items() if "/redis/" in path)
    assert [line for line in env.decode().splitlines() if not line.startswith("#")] == ["COLOUR='blue'"]
    world.change_setting()
    assert "replace redis" in change_services.preview(world.host, world.stack, ["staging"]).lines[0]


def test_without_addresses_it_is_refused(world: World) -> None:
    world.store.blocks.clear()
    error = world.change_services("staging")
    assert isinstance(error, RefusedError) and "provision" in error.problems[0].fix


def test_a_promote_is_no_go_while_a_service_of_production_is_sick(world: World) -> None:
    world.ship()
    world.ship(api=HEALTHY)
    world.commit({"api": HEALTHY})
    world.good("deploy")
    boxes(world, "production")["redis"].up = False
    report = world.run("promote")
    assert report and report.failed
    gate = next(gate for gate in report.gates if gate["gate"] == "services_healthy")
    assert gate["result"] == "NO-GO" and "redis (exited)" in gate["evidence"]
    done(world, "production")
    world.good("promote")


def test_the_status_knows_them(world: World) -> None:
    world.good("deploy")
    boxes(world)["redis"].up = False
    provision(world, search={"command": ["x"]})
    found = status.status(world.host, world.stack).environments["staging"]
    assert not found.services["redis"].healthy and found.services["redis"].state == "exited"
    assert found.services["search"].healthy
    assert [text for text in found.service_changes if "replace search" in text]
    json.dumps(status.status(world.host, world.stack).to_json())


def test_a_stack_without_services_asks_nothing_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = World(str(tmp_path))
    asked: list[str] = []
    monkeypatch.setattr(plain.docker, "services", lambda *_: asked.append("services"))
    plain.ship()
    plain.ship(api=HEALTHY)
    plain.good("rollback")
    status.status(plain.host, plain.stack)
    assert not asked and not plain.docker.volumes and not plain.docker.networks
    steps = [call for call in plain.faults.calls if "service" in call]
    assert not steps


def test_a_change_and_a_failure_are_notified(world: World) -> None:
    heard = Listener()
    world.host = replace(world.host, notifier=heard)
    world.good("deploy")
    heard.events.clear()
    done(world)
    assert not heard.events, "nothing to do is no news"
    provision(world, redis={"command": ["redis-server", "--save", ""]})
    done(world)
    (told,) = heard.events
    assert (told.event, told.environment, told.operation) == ("success", "staging", "services")
    assert "redis" in told.text and "(by ann on desk)" in told.text
    heard.events.clear()
    provision(world, redis={"image": OTHER})
    world.docker.registry.add(OTHER)
    world.docker.sick_services = {OTHER}
    assert isinstance(world.change_services("staging"), OperationError)
    (told,) = heard.events
    assert told.event == "failure" and "services of shop in staging failed: " in told.text
