# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback with the data of before is killed at every change it makes: visitors never meet a release on data that it
does not fit, and two commands always lead to the end."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator

import pytest
from fakes.faults import counted_journal
from fakes.restores import BEFORE, RESTORED, Cluster
from fakes.stacks import host_with_an_archive, shop_with_backups
from fakes.world import World
from invariants.invariants import check_always, check_settled
from invariants.test_crash_recovery import FAST, STRIDE, contract_shipped

NAME = "shop_production_main"

pytestmark = pytest.mark.usefixtures("one_by_one")


def cluster(world: World) -> Cluster:
    return world.restores.known.setdefault(NAME, Cluster())


def live(world: World) -> str:
    return world.router.files["production"].partition("/")[2]


def go_back(world: World) -> None:
    """The data are those of before the migration, with which the older release is well."""
    world.databases.applied["production"] = "0001"
    for image, behaviour in world.databases.broken.items():
        world.docker.images[image] = (world.docker.images[image][0], behaviour)


def come_back(world: World) -> None:
    """The cluster of before has the newer schema."""
    world.databases.applied["production"] = "0002"


def watch(world: World) -> None:
    """Until something is killed, and again from then on."""
    world.faults.on(f"replay {NAME}", lambda: go_back(world))
    world.faults.on(f"put back {NAME}", lambda: come_back(world))


@contextlib.contextmanager
def shipped(in_place: bool) -> Iterator[tuple[World, str, str]]:
    """The host, the release that is live and the one before it."""
    with tempfile.TemporaryDirectory(dir=FAST) as directory:
        world = World(directory, shop_with_backups(in_place))
        host_with_an_archive(world)
        contract_shipped(world)
        world.clock.time += 100
        watch(world)
        yield world, live(world), sorted(entry.release.id for entry in world.entries("production"))[-2]


def length(in_place: bool) -> int:
    with shipped(in_place) as (world, _now, first), counted_journal(world):
        world.faults.count = 0
        report = world.run("rollback", database="restore", confirm="production")
        assert report is not None and not report.failed and live(world) == first, report
        return world.faults.count


@pytest.mark.parametrize("in_place", [False, True], ids=["beside", "in place"])
def test_killed_anywhere(in_place: bool) -> None:
    for number in range(1, length(in_place) + 1, STRIDE):
        with shipped(in_place) as (world, now, first):
            world.faults.kill_at(number, after=number % 2 == 0)
            watch(world)
            with counted_journal(world):
                assert world.run("rollback", database="restore", confirm="production") is None
            where = f"killed at {number}, {world.faults.calls[-1]}"
            try:
                world.revive()
                watch(world)
                if number % 3 == 0:
                    world.reboot()
                    watch(world)
                told = " ".join(world.recover())
                check(world, now, first, told)
            except BaseException as error:
                error.add_note(where)
                raise


def check(world: World, now: str, first: str, told: str) -> None:
    check_always(world)
    closed = bool(world.maintenance.records.get("production"))
    assert not world.unfinished("production") and cluster(world).runs and not cluster(world).guard
    if cluster(world).data == BEFORE:
        assert live(world) == now and not closed
        check_settled(world)
        return
    assert cluster(world).data == RESTORED
    if live(world) == now:
        assert closed, "visitors meet a release on data that it does not fit"
        assert "go on with" in told or world.databases.applied["production"] == "0001"
        report = world.run("rollback", release=first)
        assert report is not None and not report.failed, report
    if closed:
        world.maintain("off")
    assert live(world) == first
    check_settled(world)
