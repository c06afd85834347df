# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback past a contract step, with the data of just before it: closed meanwhile, confirmed by name, never half."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.restores import BEFORE, RESTORED, Cluster
from fakes.stacks import host_with_an_archive, shop_with_backups
from fakes.world import World

from release.releases.report import OperationReport

pytestmark = pytest.mark.usefixtures("one_by_one")


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(str(tmp_path), shop_with_backups())
    host_with_an_archive(found)
    found.ship()
    found.databases.contracts = {"0002"}
    # What is live needs it, and what goes before does not work with it.
    found.databases.breaking = {"0002"}
    found.databases.newest = "0002"
    found.commit({"api": "healthy"})
    found.good("deploy")
    found.clock.time += 2
    found.good("promote", skip_gates=("migration_safe",))
    found.clock.time += 100
    found.faults.on("replay shop_production_main", lambda: to(found, "0001"), after=True)
    return found


def to(world: World, revision: str) -> None:
    """The data are those of another moment."""
    world.databases.applied["production"] = revision
    for image, behaviour in world.databases.broken.items():
        world.docker.images[image] = (world.docker.images[image][0], behaviour)


def cluster(world: World) -> Cluster:
    return world.restores.known.setdefault("shop_production_main", Cluster())


def live(world: World) -> str:
    return world.router.files["production"].partition("/")[2]


def done(report: OperationReport | None) -> OperationReport:
    assert report is not None and not report.failed, report
    return report


def refused(report: OperationReport | None) -> str:
    assert report is not None and report.failed, report
    return " ".join(f"{it['where']} {it['what']} {it['fix']}" for it in report.problems)


def first_of(world: World) -> str:
    return min(entry.release.id for entry in world.entries("production"))


def test_a_refusal_names_it_as_a_way_and_check_mode_says_what_would_be_lost(world: World) -> None:
    assert "-e database=restore -e confirm=production" in refused(world.run("rollback"))
    told = done(world.run("rollback", check=True, database="restore"))
    assert "main would go back to restore point" in told.notes[0], told.notes
    assert any("at most 1,204 transactions" in note for note in told.notes)
    assert cluster(world).data == BEFORE and live(world) != first_of(world)


def test_nothing_is_touched_before_it_is_confirmed_by_name(world: World) -> None:
    now = live(world)
    assert "is not confirmed" in refused(world.run("rollback", database="restore"))
    assert "is not confirmed" in refused(world.run("rollback", database="restore", confirm="staging"))
    assert cluster(world).data == BEFORE and live(world) == now


def test_data_and_release_go_back_together(world: World) -> None:
    seen = []
    world.faults.on(
        "set live production", lambda: seen.append(world.maintenance.is_closed("production", "front", "/")), after=False
    )
    report = done(world.run("rollback", database="restore", confirm="production"))
    assert (cluster(world).data, live(world)) == (RESTORED, first_of(world))
    assert not world.maintenance.records.get("production"), "it is open again"
    assert {box.app for box in world.up("production")} >= {"api", "front"}
    known = world.store.known_schemas["production"]["api"]
    assert (known.revision, known.state, known.steps[-1].is_down) == ("0001", "applied", True)
    assert any("point=" in note for note in report.notes), "how it can be undone"
    target = world.backups.restored[-1][2]
    assert target.kind == "name" and target.value.endswith("-api")


def test_without_a_restore_point_of_before_it_is_refused(world: World) -> None:
    world.store.points["production"]["main"] = ()
    steps = world.store.known_schemas["production"]["api"].steps
    assert steps[-1].restore_point
    said = refused(world.run("rollback", database="restore", confirm="production"))
    assert "is not a restore point of it" in said and cluster(world).data == BEFORE


def test_one_that_cannot_be_restored_leaves_all_as_it_was(world: World) -> None:
    now = live(world)
    world.restores.fails = "FATAL: could not read"
    said = refused(world.run("rollback", database="restore", confirm="production"))
    assert "PostgreSQL has stopped on its way" in said
    assert (cluster(world).data, live(world)) == (BEFORE, now)
    assert not world.maintenance.records.get("production")


def test_where_the_release_does_not_start_it_stays_closed_and_says_how_to_go_on(world: World) -> None:
    image = next(e for e in world.entries("production") if e.release.id == first_of(world)).release.images["api"]
    world.faults.on("replay shop_production_main", lambda: sicken(world, image), after=True)
    report = world.run("rollback", database="restore", confirm="production")
    assert report is not None and report.failed and "stays closed" in report.message
    assert any("maintenance" in note and "rollback" in note for note in report.notes)
    assert world.maintenance.is_closed("production", "front", "/")


def sicken(world: World, image: str) -> None:
    world.docker.images[image] = (world.docker.images[image][0], "sick")
