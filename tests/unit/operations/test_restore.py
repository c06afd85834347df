# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores in place: said before, confirmed by name, looked at read-only, and put back unless all is well."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from fakes.docker import SICK
from fakes.restores import BEFORE, RESTORED, Cluster
from fakes.stacks import host_with_an_archive, shop_with_backups
from fakes.world import World

from release.errors import OperationError, RefusedError
from release.operations.restore import RestoreReport
from release.releases.drills import Drill

pytestmark = pytest.mark.usefixtures("one_by_one")


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(str(tmp_path), shop_with_backups())
    host_with_an_archive(found)
    found.ship()
    return found


def at(world: World, ago: float) -> str:
    moment = datetime.datetime.fromtimestamp(world.clock.time - ago, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def cluster(world: World) -> Cluster:
    return world.restores.known.setdefault("shop_production_main", Cluster())


def done(found: object) -> RestoreReport:
    assert isinstance(found, RestoreReport), found
    return found


def refused(found: object) -> str:
    assert isinstance(found, RefusedError), found
    return " | ".join(map(str, found.problems))


def is_as_before(world: World) -> bool:
    mine = cluster(world)
    assert (mine.data, mine.runs, mine.guard, mine.archived) == (BEFORE, True, "", {1}), mine
    assert not world.maintenance.records.get("production")
    assert {box.app for box in world.up("production")} >= {"api", "front"}
    return True


def test_a_look_says_what_it_would_cost_and_changes_nothing(world: World) -> None:
    drill = Drill("production", "main", 1.0, recovery_seconds=60.0, size=5 * 10**8, lost_seconds=1.0, rpo_seconds=60)
    world.store.add_drill("shop", drill)
    world.faults.disarm()
    lines = done(world.restore(at=at(world, 2820), check=True)).lines
    text = "\n".join(lines)
    assert "main would go back to" in lines[0] and "backup shop_production_mainF" in lines[0]
    assert "47 min: at most 1,204 transactions" in text
    assert "takes about 2 min, as the last drill did; 1.0 GB are needed" in text and "50.0 GB are free" in text
    assert "meanwhile api stops, and production is in maintenance" in text
    assert "-e confirm=production" in lines[-1]
    assert not world.faults.calls and is_as_before(world)


def test_nothing_is_touched_before_it_is_confirmed_by_name(world: World) -> None:
    for wrong in ("", "yes", "staging"):
        said = refused(world.restore(at=at(world, 600), confirm=wrong))
        assert "replaces database main of shop production" in said and "-e confirm=production" in said
    assert is_as_before(world) and not world.backups.restored


def test_it_goes_back_and_keeps_what_was(world: World) -> None:
    seen: list[tuple[str, bool, bool]] = []

    def look() -> None:
        closed = world.maintenance.is_closed("production", "front", "/")
        seen.append((cluster(world).guard, closed, any(box.app == "api" for box in world.up("production"))))

    for event in ("set aside shop_production_main", "replay shop_production_main"):
        world.faults.on(event, look, after=False)
    world.clock.time += 100
    report = done(world.restore(at=at(world, 600), confirm="production"))
    assert seen == [("read-only", True, False)] * 2, "closed, read-only, and its apps do not run"
    mine = cluster(world)
    assert (mine.data, mine.runs, mine.guard, mine.timeline) == (RESTORED, True, "", 2)
    name, directory, target = world.backups.restored[-1]
    assert name == "shop_production_main"
    assert directory.startswith("/var/lib/postgresql/17/shop_production_main.new-"), "beside what runs"
    assert target.kind == "time" and target.value.endswith("+00") and target.label == "shop_production_mainF"
    assert not world.maintenance.records.get("production")
    assert {box.app for box in world.up("production")} >= {"api", "front", "mail"}
    (aside,) = mine.asides
    text = "\n".join(report.lines)
    assert f"point={aside}" in text and f"drop={aside}" in text, "how to undo it, how to have the room back"
    (kept,) = world.store.restored("shop")["production"]["main"]
    assert (kept.was, kept.timeline, kept.point) == ("1", "2", aside)
    assert [one.name for one in world.store.restore_points("shop")["production"]["main"]][-1] == aside


def test_staging_is_not_touched(world: World) -> None:
    before = [(box.app, box.began) for box in world.up("staging")]
    done(world.restore(at=at(world, 600), confirm="production"))
    assert [(box.app, box.began) for box in world.up("staging")] == before
    assert world.restores.known.keys() == {"shop_production_main"}


def test_what_is_not_archived_yet_is_archived_for_it(world: World) -> None:
    said = refused(world.restore(at=at(world, 5), check=True))
    assert "is later than the last commit that is archived" in said and "at=latest" in said
    done(world.restore(at=at(world, 5), confirm="production"))
    assert any(one.name.startswith("until-") for one in world.backups.points["shop_production_main"])


def test_the_schema_is_asked_again(world: World) -> None:
    world.databases.applied["production"] = "0000"
    report = done(world.restore(at=at(world, 600), confirm="production"))
    known = world.store.known_schemas["production"]["api"]
    assert (known.revision, known.state) == ("0000", "applied")
    assert "0000 is applied now, and" in " ".join(report.lines)


def test_to_just_before_a_release_has_migrated(world: World) -> None:
    world.databases.newest = "0002"
    _staging, production = world.ship()
    world.clock.time += 600
    point = world.store.restore_points("shop")["production"]["main"][-1]
    done(world.restore(release=production, confirm="production"))
    assert world.backups.restored[-1][2].kind == "name" and world.backups.restored[-1][2].value == point.name
    assert "has no restore point" in refused(world.restore(release="20260101T000000Z-production-abc", check=True))


def test_undone_by_the_restore_point_of_before(world: World) -> None:
    world.clock.time += 100
    done(world.restore(at=at(world, 600), confirm="production"))
    (aside,) = cluster(world).asides
    world.clock.time += 600
    done(world.restore(point=aside, confirm="production"))
    target = world.backups.restored[-1][2]
    assert (target.kind, target.value, target.timeline) == ("name", aside, "1"), "it is on the timeline of before"


def test_a_replay_that_stops_puts_everything_back(world: World) -> None:
    world.restores.fails = "FATAL: recovery ended before configured recovery target was reached"
    found = world.restore(at=at(world, 600), confirm="production")
    assert isinstance(found, OperationError) and "recovery ended before" in str(found)
    assert is_as_before(world) and not world.unfinished("production")


def test_apps_that_are_not_well_on_it_put_everything_back(world: World) -> None:
    images = {box.image for box in world.up("production") if box.app == "api"}

    def fall_ill() -> None:
        for image in images:
            world.docker.images[image] = (world.docker.images[image][0], SICK)

    def recover() -> None:
        for image in images:
            world.docker.images[image] = (world.docker.images[image][0], "healthy")

    world.faults.on("replay shop_production_main", fall_ill)
    world.faults.on("put back shop_production_main", recover)
    found = world.restore(at=at(world, 600), confirm="production")
    assert isinstance(found, OperationError) and "api is not healthy" in str(found)
    assert is_as_before(world), "and the timeline that was given up is not in the archive"


def test_a_cluster_that_is_lost_comes_back_from_what_is_archived(world: World) -> None:
    mine = cluster(world)
    mine.data, mine.runs = None, False
    assert "does not answer" in refused(world.restore(at=at(world, 600), check=True))
    lines = done(world.restore(at="latest", check=True)).lines
    assert any("there is no restore point of now" in line for line in lines)
    done(world.restore(at="latest", confirm="production"))
    assert (mine.data, mine.runs, mine.guard) == (RESTORED, True, "")
    assert world.backups.restored[-1][2].kind == "latest"


def test_where_the_log_has_a_gap_the_end_of_it_is_the_gap(world: World) -> None:
    """PostgreSQL opens there without a word."""
    world.backups.missing = ["000000010000000000000007", "000000010000000000000008"]
    text = "\n".join(done(world.restore(at="latest", check=True)).lines)
    assert "BEFORE that it ends: 000000010000000000000007 is missing in the archive, and 1 more; nothing" in text
    assert "BEFORE" not in "\n".join(done(world.restore(at=at(world, 600), check=True)).lines)
    done(world.restore(at="latest", confirm="production"))


def test_a_cluster_that_cannot_be_put_back_can_be_restored(world: World) -> None:
    """It is what a restore is for: nobody has to repair it first."""
    world.restores.fails, world.restores.is_broken = "FATAL: no such target", True
    found = world.restore(at=at(world, 600), confirm="production")
    assert isinstance(found, OperationError) and "neither be restored nor put back" in str(found)
    assert world.unfinished("production") and world.maintenance.records["production"]
    world.restores.fails = ""
    report = done(world.restore(at="latest", confirm="production"))
    assert cluster(world).data == RESTORED and not world.unfinished("production")
    assert not world.maintenance.records["production"], "what the first one has closed is open"
    assert "given up for another restore" in report.lines[0]


def test_a_maintenance_of_somebody_else_stays(world: World) -> None:
    world.maintain("on")
    done(world.restore(at=at(world, 600), confirm="production"))
    assert world.maintenance.records["production"], "who closed it opens it"


def test_everything_that_is_wrong_is_told(world: World) -> None:
    world.restores.free = 10**8
    said = refused(world.restore(at=at(world, 600)))
    assert "is not confirmed" in said and "1.2 GB are needed and 0.1 GB are free" in said
    world.restores.mounted = True
    said = refused(world.restore(at=at(world, 600)))
    assert "is where a disk or a directory is mounted" in said and "-e into=scratch shows the copy" in said
    world.restores.mounted = False
    for wish, why in (
        ({}, "at, point and release: are not given"),
        ({"at": "latest", "point": "x"}, "at and point: are given together"),
        ({"at": "yesterday"}, "'yesterday' is no time"),
        ({"at": "2099-01-01T00:00:00Z"}, "is in the future"),
        ({"at": at(world, 9000)}, "no backup leads to"),
        ({"point": "nowhere"}, "'nowhere' is not a restore point"),
        ({"at": "latest", "database": "other"}, "'other' is not a database with backups"),
        ({"at": "latest", "environment": "qa"}, "'qa' is not an environment"),
        ({"at": "latest", "into": "there"}, "'there' is no place for it"),
        ({"drop": "before-1"}, "'before-1' is nothing that is kept"),
        ({"drop": "all", "at": "latest"}, "has no effect on what is removed"),
    ):
        assert why.replace("at, point and release: ", "").replace("at and point: ", "") in refused(
            world.restore(check=True, **wish)
        ), why


def test_what_was_is_removed_when_somebody_says_so(world: World) -> None:
    done(world.restore(at=at(world, 600), confirm="production"))
    (aside,) = cluster(world).asides
    assert "would be removed" in done(world.restore(drop=aside, check=True)).lines[0] and cluster(world).asides
    assert "is removed" in done(world.restore(drop=aside)).lines[0]
    assert not cluster(world).asides


def test_a_copy_to_look_at_touches_nothing(world: World) -> None:
    world.faults.disarm()
    lines = done(world.restore(at=at(world, 600), into="scratch")).lines
    assert world.scratch.found() == ["look_shop_production_main"] and "psql -p 5532 main" in lines[1]
    assert is_as_before(world) and "drop=look" in lines[2]
    done(world.restore(drop="look"))
    assert not world.scratch.found()
