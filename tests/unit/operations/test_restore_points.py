# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is migrated without a way back, where there could be one; and nothing is made where nothing is migrated."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.docker import HEALTHY
from fakes.stacks import host_with_backups, shop_with_backups
from fakes.world import World
from invariants.invariants import check_settled

from release.errors import OperationError
from release.operations.restore_points import RestorePoints
from release.planning.backups.pgbackrest import PATIENCE_SECONDS

pytestmark = pytest.mark.usefixtures("one_by_one")


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(str(tmp_path), shop_with_backups())
    host_with_backups(found)
    return found


def names(world: World, environment: str) -> list[str]:
    return [point.name for point in world.store.points.get(environment, {}).get("main", ())]


def test_a_migration_has_a_restore_point_before_it(world: World) -> None:
    report = world.good("deploy")
    assert names(world, "staging") == [f"{report.release}-api"]
    assert f"restore point {report.release}-api is in the archive" in " ".join(report.notes)
    order = list(report.steps)
    assert order.index("record") < order.index("restore_point") < order.index("migrate") < order.index("start")
    assert names(world, "production") == []


def test_where_nothing_is_migrated_none_is_made(world: World) -> None:
    world.good("deploy")
    before = names(world, "staging")
    world.commit({"api": HEALTHY})
    report = world.good("deploy")
    assert names(world, "staging") == before and "restore_point" in report.steps
    world.commit({"front": HEALTHY})
    assert "restore_point" not in world.good("deploy").steps, "its image is the one that is live"


def test_where_nothing_reaches_the_archive_nothing_is_migrated(world: World) -> None:
    world.ship()
    live = dict(world.router.files)
    world.databases.newest = "0002"
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.backups.away_since = world.clock.now()
    report = world.run("promote")
    assert report is not None and report.failed
    # What its gates and its rehearsal ask of pgBackRest, which tries for minutes to reach a bucket.
    assert 0 < world.backups.waited <= 2 * PATIENCE_SECONDS
    problem = report.problems[0]
    assert "no way back yet, so nothing was begun" in problem["what"] and "has not arrived" in problem["what"]
    assert "onehost status" in problem["fix"] and "database main of shop production" in problem["where"]
    assert world.databases.applied["production"] == "0001" and world.router.files["production"] == live["production"]
    check_settled(world)
    world.backups.away_since = 0.0
    world.good("promote")
    assert world.databases.applied["production"] == "0002"


def test_a_rollback_makes_none(world: World) -> None:
    world.ship()
    world.databases.newest = "0002"
    world.commit({"api": HEALTHY})
    world.ship()
    before = names(world, "production")
    world.good("rollback")
    assert names(world, "production") == before


def test_a_long_name_is_one_that_postgresql_takes_and_stays_its_own(world: World) -> None:
    mine = RestorePoints(world.host, world.stack, "production")
    first, second = (mine.before("main", "x" * 70 + end).name for end in ("a", "b"))
    assert len(first) == len(second) == 63 and first != second
    assert names(world, "production") == [first, second]


def test_one_that_is_not_archived_is_not_written_down(world: World) -> None:
    world.backups.away_since = world.clock.now()
    with pytest.raises(OperationError):
        RestorePoints(world.host, world.stack, "production").before("main", "x")
    assert not names(world, "production")


def test_those_that_no_backup_reaches_any_more_are_forgotten(world: World) -> None:
    mine = RestorePoints(world.host, world.stack, "production")
    mine.before("main", "old")
    world.clock.time += 15 * 86_400
    mine.before("main", "new")
    assert names(world, "production") == ["new"]
