# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A one-off run: begun once, ended by itself, by its deadline or by whoever waits, and nothing is left of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from fakes.faults import Killed
from fakes.stacks import host_with_services, shop_with_services
from fakes.world import World

from release.errors import OperationError
from release.operations import one_off
from release.operations.one_off import InterruptedRunError
from release.releases.compose import LABEL
from release.releases.one_off import one_off_file
from release.releases.runs import Run, run_id


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(str(tmp_path), shop_with_services())
    host_with_services(found)
    found.ship()
    return found


def slot_of(world: World) -> dict[str, Any]:
    live = world.router.live("shop", "production")
    assert live is not None
    return world.store.slot_compose("shop", "production", live.slot)


def wanted(world: World, **more: Any) -> Run:
    live = world.router.live("shop", "production")
    assert live is not None
    now = world.clock.now()
    name = run_id(now, "production", "api", world.runs.known)
    return Run(name, "shop", "production", "api", live.release, "person", now, **{"deadline_seconds": 60.0, **more})


def go(world: World, run: Run) -> Run:
    return one_off.carry_out(world.host, world.stack, slot_of(world), run)


def check_nothing_left(world: World) -> None:
    assert not world.one_off.boxes and not world.runs.files


def test_runs_to_its_end_and_leaves_a_record_only(world: World) -> None:
    world.one_off.ends["api"] = (7.0, 0)
    run = go(world, wanted(world, command=("node", "report.js")))
    assert (run.outcome, run.exit_code, run.log) == ("succeeded", 0, ("api printed something",))
    assert run.seconds is not None and 7 <= run.seconds < 9
    assert world.runs.records("shop") == [run]
    check_nothing_left(world)


def test_its_exit_code_makes_it_a_failure(world: World) -> None:
    world.one_off.ends["api"] = (1.0, 3)
    run = go(world, wanted(world))
    assert (run.outcome, run.exit_code, run.message) == ("failed", 3, "exit code 3")
    check_nothing_left(world)


@pytest.mark.parametrize(("deaf", "code"), [(False, 143), (True, 137)])
def test_is_stopped_at_its_deadline(world: World, deaf: bool, code: int) -> None:
    world.one_off.ends["api"] = (1000.0, 0)
    world.one_off.deaf = {"api"} if deaf else set()
    begun = world.clock.time
    run = go(world, wanted(world, stop_seconds=5))
    assert (run.outcome, run.exit_code) == ("timed_out", code)
    assert run.message == "was stopped: it had not ended after 60 s"
    assert 60 <= world.clock.time - begun < 60 + 5 + 2
    check_nothing_left(world)


def test_whoever_waits_may_be_told_to_stop(world: World) -> None:
    world.one_off.ends["api"] = (1000.0, 0)

    def told() -> None:
        raise InterruptedRunError

    world.faults.on("clock wait", told)
    with pytest.raises(InterruptedRunError):
        go(world, wanted(world))
    [run] = world.runs.records("shop")
    assert (run.outcome, run.exit_code) == ("interrupted", 143)
    check_nothing_left(world)


def test_the_same_id_is_answered_and_not_run_again(world: World) -> None:
    run = go(world, wanted(world))
    assert go(world, dataclasses.replace(run, person="bea", ended=None)) == run
    assert len(world.one_off.started) == 1


@pytest.mark.parametrize("moment", ["docker create run of api", "docker start run of api"])
@pytest.mark.parametrize("after", [False, True])
def test_told_to_stop_while_it_is_started_it_leaves_nothing(world: World, moment: str, after: bool) -> None:
    def told() -> None:
        raise InterruptedRunError

    world.one_off.ends["api"] = (1000.0, 0)
    world.faults.on(moment, told, after=after)
    with pytest.raises(InterruptedRunError):
        go(world, wanted(world))
    [run] = world.runs.records("shop")
    assert run.outcome == "interrupted"
    check_nothing_left(world)


@pytest.mark.parametrize("after", [False, True])
def test_killed_anywhere_it_is_begun_once_and_concluded(world: World, after: bool) -> None:
    """Whoever comes next with the same id takes up what is there."""
    number = 0
    while True:
        number += 1
        run = wanted(world)
        before = len(world.one_off.started)
        world.faults.kill_at(number, after=after)
        try:
            go(world, run)
        except Killed:
            world.revive()
        else:
            break
        again = go(world, run)
        assert again.outcome == "succeeded", again
        assert len(world.one_off.started) - before == 1, f"killed at {number}"
        world.clock.time += 1
        assert not world.violations
        # The kill may have come after the record of its end.
        one_off.sweep(world.host, world.stack, "production")
        check_nothing_left(world)
    assert number == 9


def killed_while_it_goes(world: World) -> Run:
    def kill() -> None:
        raise Killed

    world.one_off.ends["api"] = (1000.0, 0)
    world.faults.on("clock wait", kill)
    run = wanted(world)
    with pytest.raises(Killed):
        go(world, run)
    world.revive()
    return run


def test_one_that_lost_its_container_is_not_run_again(world: World) -> None:
    run = killed_while_it_goes(world)
    world.one_off.boxes.clear()
    again = go(world, run)
    assert (again.outcome, again.message) == ("interrupted", "its container is gone")
    assert len(world.one_off.started) == 1


def test_a_reboot_interrupts_it(world: World) -> None:
    killed_while_it_goes(world)
    world.reboot()
    [told] = one_off.sweep(world.host, world.stack, "production")
    assert (told.outcome, told.exit_code) == ("interrupted", 255)
    assert "nobody saw it end" in told.message
    check_nothing_left(world)


def test_one_that_goes_on_without_its_engine_is_taken_up_and_may_be_given_up(world: World) -> None:
    run = killed_while_it_goes(world)
    known = world.runs.record("shop", run.id)
    assert known is not None and not known.is_over
    ended = one_off.give_up(world.host, known, "nobody wants it")
    assert (ended.outcome, ended.exit_code, ended.message) == ("interrupted", 143, "nobody wants it")
    assert one_off.give_up(world.host, ended, "once more") is ended
    check_nothing_left(world)


def test_one_that_cannot_be_started_is_a_failure(world: World) -> None:
    image = world.entry(wanted(world).release).release.images["api"]
    del world.docker.images[image]
    with pytest.raises(OperationError, match="Compose could not start"):
        go(world, wanted(world))
    [run] = world.runs.records("shop")
    assert (run.outcome, run.exit_code) == ("failed", None)
    assert run.message == "could not be started: No such image"


def test_it_has_what_the_app_has_and_nothing_reaches_it(world: World) -> None:
    slot = slot_of(world)
    run = wanted(world, command=("sh", "-c", "echo $HOME"), stop_seconds=7)
    file = one_off_file(slot, run, {"mem_limit": "64m"})
    [(name, item)] = file["services"].items()
    app = slot["services"]["api"]
    same = ("image", "environment", "env_file", "volumes", "security_opt", "extra_hosts", "pids_limit")
    assert {key: item.get(key) for key in same} == {key: app.get(key) for key in same}
    assert name == "api_run" and "ports" not in item
    assert (item["restart"], item["mem_limit"], item["stop_grace_period"]) == ("no", "64m", "7s")
    assert item["command"] == ["sh", "-c", "echo $$HOME"]
    assert f"{LABEL}.slot" not in item["labels"] and item["labels"][f"{LABEL}.id"] == run.release
    assert file["networks"]["default"] == {"name": slot["networks"]["default"]["name"], "external": True}
    assert file["volumes"] == slot["volumes"]
    del slot["networks"]
    assert one_off_file(slot, run)["networks"]["default"]["name"] == f"{slot['name']}_default"
