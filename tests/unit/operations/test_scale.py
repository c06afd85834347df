# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several equal containers of an app, and the operation that changes their number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.docker import HEALTHY, SICK
from fakes.stacks import changed_stack, shop_definition, shop_with_replicas
from fakes.world import World
from invariants.invariants import check_settled

from release.errors import OperationError, RefusedError
from release.operations.change_scale import ScaleReport
from release.operations.status import status
from release.releases.reach import Reach
from release.stack.reader import read_stack


@pytest.fixture
def many(tmp_path: Path) -> World:
    """Two containers of the API and of its worker."""
    return World(str(tmp_path), shop_with_replicas())


def names(world: World, environment: Any = "production") -> list[str]:
    return sorted(box.unit for box in world.up(environment))


def scaled(world: World, app: str, number: int | str, **options: Any) -> ScaleReport:
    report = world.scale(app, number, **options)
    assert isinstance(report, ScaleReport), report
    return report


def refused(world: World, app: str, number: int | str, **options: Any) -> str:
    error = world.scale(app, number, **options)
    assert isinstance(error, RefusedError), error
    return str(error)


def test_a_release_has_as_many_as_the_stack_says(many: World) -> None:
    many.ship()
    assert names(many) == names(many, "staging") == ["api", "api.2", "front", "mail", "mail.2"]
    reach = many.router.reach_memory["production"]["blue"]
    assert (reach["api"], reach["front"].replicas) == (Reach(21002, False, 2), 1)
    assert many.router.trusted == [("blue", "api", 2)] * 2, "the router uses both from the switch on"


def test_each_must_be_healthy_before_the_switch(many: World) -> None:
    many.commit({"api": SICK})
    report = many.run("deploy")
    assert report and report.failed and "app api is not healthy" in report.message


def test_a_worker_of_which_one_never_gets_healthy(many: World) -> None:
    stack = changed_stack(many, mail={"health_command": ["check"], "health_seconds": 2})
    many.stack = stack
    many.docker.ends["mail.2"] = (1, "no queue")
    report = many.run("deploy")
    assert report and report.failed
    assert "app mail.2 is not healthy after 2 s" in report.message
    assert not many.up("staging")
    assert not [app for app, _command in many.docker.ran if app.startswith("api")], "api waits for the worker's health"


def test_apps_start_after_a_worker_is_healthy_and_not_just_running(world: World) -> None:
    world.stack = changed_stack(world, mail={"health_command": ["check"], "health_seconds": 3})
    world.docker.ends["mail"] = (1, "not yet")
    report = world.run("deploy")
    assert (
        report
        and report.failed
        and "app mail is not healthy after 3 s: its health_command fails" in report.problems[0]["what"]
    )
    assert not any("create api" in call or "start api" in call for call in world.faults.calls)


def test_more_and_fewer(world: World) -> None:
    world.ship()
    created = len(world.docker.boxes)
    report = scaled(world, "api", 3)
    assert report.changed and report.lines == ["production: api from 1 to 3 replicas"]
    assert names(world) == ["api", "api.2", "api.3", "front", "mail"]
    assert len(world.docker.boxes) == created + 2, "nothing else is created"
    assert world.router.reach_memory["production"]["blue"]["api"] == Reach(21002, False, 3)
    note = world.store.scaled["production"]["api"]
    assert (note.replicas, note.own, note.person, note.reason) == (3, 1, "ann", "busy")
    assert names(world, "staging") == ["api", "front", "mail"]
    scaled(world, "api", 2)
    assert names(world) == ["api", "api.2", "front", "mail"]
    assert len(world.docker.boxes) == created + 1, "what is too many is removed"
    assert scaled(world, "api", 1).changed and not world.store.scales("shop")
    assert not scaled(world, "api", 1).changed
    assert world.router.reach_memory["production"]["blue"]["api"] == Reach(21002)


def test_fewer_are_drained_first(world: World) -> None:
    world.ship()
    scaled(world, "api", 2)
    world.router.busy["production", "blue", "api"] = world.clock.time + 3
    before = world.clock.time
    scaled(world, "api", 1)
    assert 3 <= world.clock.time - before < 5
    world.router.busy["production", "blue", "api"] = world.clock.time + 100
    scaled(world, "api", 2)
    before = world.clock.time
    scaled(world, "api", 1)
    assert 10 <= world.clock.time - before < 12, "at most its drain_seconds"


def test_a_scale_stays_until_the_stack_says_another_number(world: World) -> None:
    world.ship()
    scaled(world, "api", 3)
    world.ship()
    assert names(world).count("api.3") == 1, "a promote keeps it"
    world.good("rollback")
    assert "api.3" in names(world), "a rollback too"
    assert names(world, "staging") == ["api", "front", "mail"]
    world.stack = changed_stack(world, api={"replicas": 2})
    assert "api.3" in names(world)
    world.ship()
    assert [name for name in names(world) if name.startswith("api")] == ["api", "api.2"], (
        "the stack's own number counts"
    )
    assert "api.2" in names(world, "staging")


def test_a_rollback_goes_to_the_number_of_that_release(many: World) -> None:
    many.ship()
    many.stack = changed_stack(many, api={"replicas": 1})
    many.ship()
    assert "api.2" not in names(many)
    many.good("rollback")
    assert "api.2" in names(many)


def test_default_is_the_stacks_own_number(many: World) -> None:
    many.ship()
    scaled(many, "api", 4)
    assert scaled(many, "api", "default").changed
    assert not many.store.scales("shop") and "api.2" in names(many) and "api.3" not in names(many)
    many.stack = changed_stack(many, api={"replicas": 3})
    assert scaled(many, "api", "default").lines == ["production: api from 2 to 3 replicas"]
    assert "api.3" in names(many), "without a release"
    assert not scaled(many, "api", 3).changed


def test_only_some_apps_are_promoted(many: World) -> None:
    """An app that stays as it is has the number of today too."""
    many.ship()
    many.stack = changed_stack(many, mail={"replicas": 1}, front={"replicas": 2})
    many.commit({"api": HEALTHY})
    many.good("deploy")
    many.good("promote", apps=("api",))
    assert names(many) == ["api", "api.2", "front", "front.2", "mail"]


def test_what_cannot_be_started_is_put_back(world: World) -> None:
    world.ship()
    world.docker.stuck = {"api.3"}
    error = world.scale("api", 3)
    assert isinstance(error, OperationError) and "no memory" in str(error)
    assert names(world) == ["api", "front", "mail"]
    assert len([box for box in world.docker.boxes if box.environment == "production"]) == 3
    assert not world.store.scales("shop") and not world.unfinished("production")
    assert world.router.reach_memory["production"]["blue"]["api"] == Reach(21002)
    assert "api.2" not in world.store.files["/state/production-blue/compose.json"]["services"]


def test_a_missing_one_is_brought_back(many: World) -> None:
    many.ship()
    many.docker.boxes = [box for box in many.docker.boxes if box.unit != "api.2"]
    found = status(many.host, many.stack).environments["production"].apps["api"]
    assert (found.healthy, found.replicas, found.healthy_replicas) == (False, 2, 1)
    assert "1 of 2 replicas not healthy, api.2: no answer" in found.cause
    assert scaled(many, "api", 2).changed and "api.2" in names(many)
    assert status(many.host, many.stack).environments["production"].apps["api"].healthy


def test_status_says_whose_number_it_is(world: World) -> None:
    world.ship()
    scaled(world, "mail", 3)
    found = status(world.host, world.stack).environments["production"].apps["mail"]
    assert (found.healthy, found.replicas, found.healthy_replicas) == (True, 3, 3)
    assert found.scaled.startswith("3 in place of 1, by ann at ") and found.scaled.endswith(": busy")
    last = status(world.host, world.stack).environments["production"].operations[0]
    assert (last.operation, last.person, last.reason, last.outcome) == ("scale", "ann", "busy", "succeeded")


def test_bad_requests(world: World) -> None:
    assert "nothing is live" in refused(world, "api", 2)
    world.ship()
    assert "'nine' is no number of replicas" in refused(world, "api", "nine")
    assert "give a number from 1 to 8, or `default`" in refused(world, "api", 9)
    assert "choose from api, front, mail" in refused(world, "apy", 2)
    assert "'prod' is not an environment" in refused(world, "api", 2, environment="prod")
    assert "app and replicas: are not given" in refused(world, "", "")
    world.router.is_old = True
    assert "onehost.release.provision" in refused(world, "api", 2)
    assert scaled(world, "mail", 2).changed, "a worker needs no router"


def test_an_app_that_never_runs_twice(tmp_path: Path) -> None:
    world = World(str(tmp_path), shop_definition(in_place=True))
    world.ship()
    assert "2 replicas of an app that never runs twice" in refused(world, "mail", 2)


def test_more_than_there_are_addresses(tmp_path: Path) -> None:
    definition = shop_with_replicas(api=8, mail=8)
    definition["apps"] |= {f"w{n}": {"context": f"w{n}", "kind": "worker", "replicas": 3} for n in range(3)}
    world = World(str(tmp_path), definition)
    world.ship()
    assert scaled(world, "front", 3).changed
    said = refused(world, "front", 4)
    assert "6 apps with 29 containers, but the network of a slot has addresses for 28" in said
    assert scaled(world, "w1", 1).changed and scaled(world, "front", 5).changed
    # What was scaled counts for a release too.
    definition["apps"]["more"] = {"context": "more", "kind": "worker"}
    world.stack = read_stack("shop", definition)
    world.commit({"more": HEALTHY})
    world.good("deploy")
    report = world.run("promote")
    assert report and report.failed and "7 apps with 29 containers" in report.problems[0]["what"]


def test_a_secret_in_a_reason_is_no_ones_to_read(world: World) -> None:
    world.store.env["common"] = b"DATABASE_URL='db-very-secret-1'\n"
    world.ship()
    world.reason = "because db-very-secret-1"
    scaled(world, "api", 2)
    assert "db-very-secret-1" not in str(world.store.scaled) + str(status(world.host, world.stack).to_json())


def test_check_mode_changes_nothing(world: World) -> None:
    world.ship()
    world.faults.disarm()
    assert scaled(world, "api", 3, check=True).lines == ["would scale production: api from 1 to 3 replicas"]
    assert not world.faults.calls
    assert not scaled(world, "api", 1, check=True).changed
    assert "'x' is no number" in refused(world, "api", "x", check=True)


def test_nothing_more_is_asked_of_a_stack_without(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.ship()
    read: list[str] = []

    def slot_compose(*words: object) -> dict[str, Any]:
        read.append(str(words))
        return {}

    monkeypatch.setattr(world.store, "slot_compose", slot_compose)
    status(world.host, world.stack)
    assert not read and not world.router.trusted
    scaled(world, "mail", 1)
    assert not read


def test_damaged_files_are_found_before_anything_begins(world: World) -> None:
    """Nothing is left open: the next operation would try to put it back, in vain."""
    world.ship()
    lose_files(world)
    error = world.scale("api", 3)
    assert isinstance(error, OperationError) and "the files of the slot are damaged" in str(error)
    assert not world.unfinished("production") and len(world.up("production")) == len(world.stack.apps)
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote")
    check_settled(world)


def lose_files(world: World) -> None:
    for name in [name for name in world.store.files if name.startswith("/state/production-") and "compose" in name]:
        del world.store.files[name]


@pytest.mark.parametrize("number", range(1, 12))
def test_files_that_are_lost_on_the_way_do_not_keep_it_open(world: World, number: int) -> None:
    world.ship()
    world.faults.kill_at(number)
    world.scale("api", 3)
    world.revive()
    lose_files(world)
    world.recover()
    assert not world.unfinished("production")
    assert [box.replica for box in world.up("production") if box.app == "api"] in ([1], [1, 2, 3])
