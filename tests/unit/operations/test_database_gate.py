# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database that is away is told before anything is built or started, and is no obstacle on the way back."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from fakes.docker import HEALTHY
from fakes.stacks import host_with_clusters, shop_definition, shop_with_databases, shop_with_schema
from fakes.world import World
from invariants.invariants import check_settled

from release.releases.databases import DatabaseStatus
from release.releases.report import OperationReport

pytestmark = pytest.mark.usefixtures("one_by_one")


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(str(tmp_path), shop_with_schema())
    host_with_clusters(found)
    return found


def stop(world: World, environment: str) -> None:
    name = f"shop_{environment}_main"
    world.database.found[name] = dataclasses.replace(world.database.found[name], runs=False)


def told(report: OperationReport | None) -> str:
    assert report is not None and report.failed, report
    return " ".join(f"{it['where']}: {it['what']} {it['fix']}" for it in report.problems)


def result(report: OperationReport | None) -> str:
    assert report is not None
    [gate] = [gate for gate in report.gates if gate["gate"] == "databases_answer"]
    return f"{gate['result']}: {gate['evidence']}"


def test_a_promote_is_no_go_while_productions_database_is_away(world: World) -> None:
    world.good("deploy")
    world.clock.time += 2
    assert result(world.run("promote", check=True)) == "go: 1 databases of production answer"
    stop(world, "staging")
    assert result(world.run("promote", check=True)).startswith("go")
    stop(world, "production")
    report = world.run("promote")
    assert result(report) == "NO-GO: databases of production do not answer: main (no answer)"
    assert "pg_lsclusters" in told(report)
    assert result(world.run("promote", skip_gates=("databases_answer",))).startswith("skipped")
    check_settled(world)


def test_a_deploy_is_refused_before_it_builds(world: World) -> None:
    stop(world, "staging")
    built = len(world.docker.images)
    for check in (True, False):
        report = world.run("deploy", check=check)
        assert "database main of shop staging: does not answer: no answer" in told(report)
    assert len(world.docker.images) == built


def test_a_full_disk_is_told_before_its_cluster_stops(world: World) -> None:
    world.good("deploy")
    world.clock.time += 2
    place = "/var/lib/postgresql/17/shop_production_main"
    world.database.disks["shop_production_main"] = 3_000_000
    report = world.run("promote")
    assert result(report) == (
        f"NO-GO: databases of production have no room: main (its disk is full: 3 MB are free in {place})"
    )
    assert f"df -h {place}" in told(report) and "systemctl" not in told(report)
    stop(world, "production")
    report = world.run("promote")
    assert "do not answer: main (no answer; its disk is full" in result(report)
    assert "sudo systemctl restart postgresql@17-shop_production_main" in told(report)
    world.database.disks["shop_staging_main"] = 0
    report = world.run("deploy")
    assert "database main of shop staging: its disk is full: 0 MB are free in " in told(report)
    world.database.disks.clear()
    world.good("deploy")
    check_settled(world)


def test_apps_that_do_not_use_it_go(world: World) -> None:
    world.ship()
    stop(world, "staging")
    world.commit({"front": HEALTHY})
    world.good("deploy", apps=("front",))
    assert "does not answer" in told(world.run("deploy"))


def test_a_rollback_does_not_ask(world: World) -> None:
    world.ship()
    world.ship(api=HEALTHY)
    stop(world, "production")
    world.good("rollback")
    check_settled(world)


def test_nobody_is_asked_without_a_cluster_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    for name, definition in {"none": shop_definition(), "far": shop_with_databases()}.items():
        definition["apps"]["api"].pop("database", None)
        if name == "far":
            del definition["databases"]["main"]
            definition["apps"]["api"]["database"] = "far"
            definition["env_matrix"]["FAR_URL"]["optional"] = True
        world = World(str(tmp_path / name), definition)

        def status(port: int, _database: str) -> DatabaseStatus:
            asked.append(port)
            return DatabaseStatus("postgresql")

        monkeypatch.setattr(world.database, "status", status)
        world.ship()
        report = world.run("promote", check=True)
        assert report is not None and not any(gate["gate"] == "databases_answer" for gate in report.gates)
    assert not asked
