# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills: the newest backup is restored beside what runs, looked at, measured, and told of."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fakes.notifier import Listener
from fakes.stacks import host_with_an_archive, shop_with_backups
from fakes.world import World

from release.errors import RefusedError
from release.operations import backup_ages, drill, drill_opinions
from release.operations.drill import DrillReport
from release.planning.gates import Gate
from release.releases.lock_holder import LockHolder
from release.rendering import drills
from release.stack.reader import read_stack

pytestmark = pytest.mark.usefixtures("one_by_one")
WHO = LockHolder.from_json({"operation": "drill", "person": "timer", "host": "vm"})


def made(tmp_path: Path, **wanted: Any) -> World:
    definition = shop_with_backups()
    definition["databases"]["main"]["drill"] = wanted
    found = World(str(tmp_path), definition)
    host_with_an_archive(found)
    found.faults.on("make copy drill_shop_production_main", lambda: found.clock.wait(12))
    return found


def carried_out(world: World, where: str = "", **options: Any) -> tuple[DrillReport, list[Any]]:
    notifier = Listener()
    host = dataclasses.replace(world.host, notifier=notifier)
    return drill.request(host, world.stack, where, "", WHO, **options), notifier.events


def test_a_backup_that_can_be_restored(tmp_path: Path) -> None:
    question = "SELECT count(*) FROM posts"
    world = made(tmp_path, checks=[{"name": "posts", "sql": question, "at_least": 10}])
    world.restores.answers_of[question] = "12"
    report, told = carried_out(world)
    (one,) = report.drills
    assert report.holds and one.is_good and not one.missed
    assert (one.lost_seconds, one.recovery_seconds, one.backup) == (42.0, 12.0, "shop_production_mainF")
    assert [(it.name, it.problem) for it in one.checks] == [("archive", ""), ("pg_amcheck", ""), ("posts", "")]
    assert "restored" in report.lines[0] and "in 12 s, 42 s would be lost" in report.lines[0]
    assert world.store.drills("shop")["production"]["main"] == [one]
    assert not world.scratch.found(), "nothing is left of the copy"
    assert [event.event for event in told] == ["success"]
    name, directory, target = world.backups.restored[-1]
    assert (name, directory, target.kind) == (
        "shop_production_main",
        "/scratch/drill_shop_production_main",
        "latest",
    )


def broken(world: World, how: str) -> None:
    if how == "archive away":
        world.backups.away_since = 1.0
    elif how == "no room":
        world.scratch.free = 0
    elif how == "damaged":
        world.restores.damaged = ['heap table "main.public.posts", block 3: checksum']
    elif how == "gap":
        world.backups.missing = ["000000010000000000000005", "000000010000000000000006"]
    elif how == "gap and away":
        broken(world, "gap")
        world.scratch.free = 0
    elif how == "no backup":
        world.backups.sets.clear()
    elif how == "check fails":
        world.restores.answers_of["SELECT 1"] = "0"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("archive away", "unable to reach the repository"),
        ("no room", "the disk is full"),
        ("damaged", "pg_amcheck: heap table"),
        ("gap", "archive: 000000010000000000000005 is missing in the archive; 000000010000000000000006 is"),
        ("gap and away", "000000010000000000000006 is missing in the archive; the disk is full"),
        ("no backup", "there is no backup"),
        ("check fails", "one: 0 is less than 1"),
        ("no answer", "relation does not exist"),
    ],
)
def test_a_backup_that_is_none_is_an_alarm(tmp_path: Path, how: str, why: str) -> None:
    world = made(tmp_path, checks=[{"name": "one", "sql": "SELECT 1", "at_least": 1}])
    broken(world, how)
    report, told = carried_out(world)
    (one,) = report.drills
    assert not report.holds and why in "; ".join(one.problems), one
    assert world.store.drills("shop")["production"]["main"] == [one]
    assert [event.event for event in told] == ["failure"] and "not to be relied on" in told[0].text
    assert "heap table" not in told[0].text, "what a program printed stays on the host"
    assert not world.scratch.found()


def test_a_target_that_is_missed_is_an_alarm_too(tmp_path: Path) -> None:
    world = made(tmp_path, rpo_minutes=1, rto_minutes=1)
    world.restores.no_beat = True
    report, told = carried_out(world)
    assert report.drills[0].is_good and not report.holds
    assert "nobody knows how much would be lost" in report.drills[0].missed[0]
    assert [event.event for event in told] == ["failure"]


def test_a_look_does_nothing(tmp_path: Path) -> None:
    world = made(tmp_path)
    report, told = carried_out(world, check=True)
    assert report.lines == [
        "production: would restore the newest backup of main to a scratch cluster, and check it",
    ]
    assert not world.store.known_drills and not told and not world.backups.restored


def test_staging_where_somebody_asks(tmp_path: Path) -> None:
    world = made(tmp_path)
    report, _told = carried_out(world, "staging")
    assert [one.environment for one in report.drills] == ["staging"]
    with pytest.raises(RefusedError, match="'qa' is not an environment"):
        carried_out(world, "qa")
    world.stack = read_stack("shop", {**shop_with_backups(), "databases": {"main": {}}})
    with pytest.raises(RefusedError, match="has no database with backups"):
        carried_out(world)


def test_ci_reads_it(tmp_path: Path) -> None:
    world = made(tmp_path, checks=[{"name": "one more", "sql": "SELECT 1", "at_least": 1}])
    report, _told = carried_out(world)
    suite = ElementTree.fromstring(drills.junit("shop", report.drills))[0]
    assert suite.get("name") == "shop production main drill" and suite.get("failures") == "1"
    assert [case.get("name") for case in suite] == ["restore", "targets", "archive", "pg_amcheck", "one more"]
    data = drills.document("shop", report.drills)
    assert not data["holds"] and data["drills"][0]["problems"]


def test_the_gate_of_backups_hears_the_drill(tmp_path: Path) -> None:
    """A backup that could not be restored is none, however new it is."""
    world = made(tmp_path)
    good = Gate("backups", True, "all are new")
    (never,) = drill_opinions.opinions(world.host, world.stack, "production", ask=True)
    assert never.word == "warning" and not drill_opinions.opinions(world.host, world.stack, "production")
    assert drill_opinions.judged(world.host, world.stack, "production", good, is_skipped=False).go
    world.restores.damaged = ["block 3"]
    carried_out(world)
    for is_skipped in (False, True):
        found = drill_opinions.judged(world.host, world.stack, "production", good, is_skipped=is_skipped)
        assert not found.go and found.skipped == is_skipped and "pg_amcheck: block 3" in found.evidence
    assert "drill" in " ".join(it.subject for it in backup_ages.seen(world.host, world.stack, "production").troubles)


def test_pieces_of_a_damaged_file_are_not_told() -> None:
    assert (
        drill.legible("FormatError: invalid at \ufffd\ufffdx\x1b: line 78")
        == "FormatError: invalid at  … x … : line 78"
    )
    assert len(drill.legible("x" * 1000)) == drill.LONGEST + 2 and drill.legible("오류") == "오류"
