# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore in place is killed, or made to fail, at every change it makes: what is there afterwards is the cluster of
before or the restored one, whole, open for writing, with its apps, and archived as what it is."""

from __future__ import annotations

import contextlib
import datetime
import functools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from fakes.docker import HEALTHY, SICK
from fakes.faults import counted_journal
from fakes.restores import BEFORE, RESTORED, Cluster
from fakes.stacks import host_with_an_archive, shop_with_backups
from fakes.world import World
from invariants.invariants import check_always, check_settled
from support.profiles import FAST, RARELY, STRIDE

from release.errors import OperationError, RefusedError
from release.operations.restore import RestoreReport

pytestmark = pytest.mark.usefixtures("one_by_one")
NAME = "shop_production_main"


@dataclass(frozen=True)
class Case:
    """One restore on a host prepared for it."""

    name: str
    prepare: Callable[[World], None]
    at: str = ""
    in_place: bool = False
    #: Whether it ends with everything put back, if nobody kills it.
    fails: bool = False


def plain(_world: World) -> None:
    """All is well."""


def lost(world: World) -> None:
    """Somebody has removed the cluster's directory."""
    mine = world.restores.known.setdefault(NAME, Cluster())
    mine.data, mine.runs = None, False


def stops(world: World) -> None:
    world.restores.fails = "FATAL: recovery ended before configured recovery target was reached"


def ill(world: World) -> None:
    """The apps do not work with what was restored."""
    images = {box.image for box in world.up("production") if box.app == "api"}

    def become(behaviour: str) -> None:
        for image in images:
            world.docker.images[image] = (world.docker.images[image][0], behaviour)

    world.faults.on(f"replay {NAME}", lambda: become(SICK))
    world.faults.on(f"put back {NAME}", lambda: become(HEALTHY))


def closed(world: World) -> None:
    world.maintain("on")


CASES = [
    Case("to a moment", plain),
    Case("to a moment, in place", plain, in_place=True),
    Case("of a lost cluster", lost, "latest"),
    Case("that stops on its way", stops, fails=True),
    Case("in maintenance", closed),
]
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@contextlib.contextmanager
def world_of(case: Case) -> Iterator[World]:
    with tempfile.TemporaryDirectory(dir=FAST) as directory:
        world = World(directory, shop_with_backups(case.in_place))
        host_with_an_archive(world)
        world.ship()
        world.clock.time += 100
        case.prepare(world)
        yield world


def run(world: World, case: Case) -> object:
    moment = datetime.datetime.fromtimestamp(world.clock.time - 600, datetime.timezone.utc)
    return world.restore(at=case.at or moment.strftime("%Y-%m-%dT%H:%M:%SZ"), confirm="production")


@functools.cache
def length(case: Case) -> int:
    with world_of(case) as world, counted_journal(world):
        world.faults.count = 0
        run(world, case)
        return world.faults.count


def finish(world: World, how: str) -> None:
    world.restores.fails = ""
    if how == "reboot":
        world.reboot()
    if how == "promote":
        report = world.run("promote")
        assert report is not None and not any("restore" in problem["what"] for problem in report.problems), report
        return
    world.recover()


def check_afterwards(world: World, case: Case) -> None:
    check_always(world)
    check_settled(world)
    mine = world.restores.known.setdefault(NAME, Cluster())
    was_lost = case.prepare is lost
    assert not mine.guard and mine.fresh is None and not world.unfinished("production")
    assert mine.data in ((None, RESTORED) if was_lost else (BEFORE, RESTORED)), mine
    assert mine.runs == (mine.data is not None), mine
    assert bool(world.maintenance.records.get("production")) == (case.prepare is closed), "closed, or opened by nobody"
    assert {box.app for box in world.up("production")} >= {"api", "front", "mail"}
    known = world.store.restored("shop").get("production", {}).get("main", [])
    assert len(known) == (mine.data == RESTORED), "what is known of restores is not what was done"
    # A timeline that was given up is not in the archive, where every later restore would follow it.
    assert mine.archived == ({1, 2} if mine.data == RESTORED else {1}), mine
    world.restores.fails = ""
    world.clock.time += 3600
    again = world.restore(at="latest", confirm="production")
    assert isinstance(again, RestoreReport), again


@EACH
def test_killed_anywhere(case: Case) -> None:
    for number in range(1, length(case) + 1, STRIDE):
        how = ("recover", "reboot", "promote")[number % 3]
        with world_of(case) as world:
            world.faults.kill_at(number, after=number % 2 == 0)
            with counted_journal(world):
                # What fails by itself may do so before it is killed after that.
                assert run(world, case) is None or case.fails
            where = f"{case.name}, killed at {number}, {world.faults.calls[-1]}, then {how}"
            try:
                world.revive()
                finish(world, how)
                check_afterwards(world, case)
            except BaseException as error:
                error.add_note(where)
                raise


@EACH
def test_killed_again_while_recovering(case: Case) -> None:
    for number in range(1, length(case) + 1, RARELY):
        with world_of(case) as world:
            with counted_journal(world):
                world.faults.kill_at(number)
                run(world, case)
                world.revive()
                world.faults.kill_at(1 + number % 7)
                with contextlib.suppress(BaseException):
                    world.recover()
            world.revive()
            try:
                finish(world, "reboot" if number % 2 else "recover")
                check_afterwards(world, case)
            except BaseException as error:
                error.add_note(f"{case.name}, killed at {number}, and at {1 + number % 7} of its recovery")
                raise


@EACH
@pytest.mark.parametrize("fault", ["once", "for good", "disk"])
def test_a_change_fails_anywhere(case: Case, fault: str) -> None:
    for number in range(1, length(case) + 1, STRIDE):
        with world_of(case) as world:
            world.faults.fail_at(number, lasting=fault == "for good", disk=fault == "disk")
            found = run(world, case)
            if world.faults.count < number:
                return
            try:
                assert isinstance(found, (OperationError, RestoreReport, RefusedError)), found
                world.revive()
                finish(world, "recover")
                check_afterwards(world, case)
            except BaseException as error:
                error.add_note(f"{case.name}, failed at {number}, {world.faults.calls[-1:]}")
                raise
