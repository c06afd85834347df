# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups are made one after the other, each is written down by itself, and what goes wrong is told once."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from fakes.stacks import host_with_backups, shop_with_backups
from fakes.world import World

from release.errors import RefusedError
from release.operations import backups
from release.operations.backups import BackupReport, Wish
from release.operations.status import status
from release.planning.backups.copies import tag
from release.process import lock
from release.releases.backups import Places
from release.releases.lock_holder import LockHolder
from release.rendering.status import status_lines
from release.stack.reader import read_stack

WHO = LockHolder.from_json({"operation": "backup", "person": "ann", "host": "desk"})
DAY = 86_400


class Notifier:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def notify(self, event: Any) -> None:
        self.texts.append(event.text)

    def troubles(self) -> list[str]:
        return []


@pytest.fixture
def notifier() -> Notifier:
    return Notifier()


@pytest.fixture
def world(tmp_path: Path, notifier: Notifier) -> World:
    definition = shop_with_backups()
    definition["volumes"] = {"data": {"user": 10001}, "uploads": {"user": 10002, "backup": True}}
    definition["databases"]["lite"] = {"engine": "sqlite", "volume": "data", "backup": True}
    found = World(str(tmp_path), definition)
    host_with_backups(found)
    found.places.places = Places("/mnt/backups", "pass")
    found.host = dataclasses.replace(found.host, notifier=notifier)
    return found


def take(world: World, **wish: Any) -> BackupReport:
    return backups.take(world.host, world.stack, Wish(**wish), WHO, lambda _line: None)


def done(report: BackupReport) -> list[str]:
    return [outcome.task.key for outcome in report.outcomes]


def test_a_timer_makes_what_is_due(world: World) -> None:
    first = take(world, due=True)
    assert first.ok and done(first) == [
        "staging database main: full",
        "staging database main: dump",
        "staging file lite: copy",
        "staging volume uploads: copy",
        "production database main: full",
        "production database main: dump",
        "production file lite: copy",
        "production volume uploads: copy",
        "state shop: copy",
    ]
    assert ("path", "production file lite: /volumes/shop_production_data/lite.db") in world.copies.taken
    state = next(what for _kind, what in world.copies.taken if what.startswith("state"))
    assert state.endswith("state/shop /etc/onehost")
    assert done(take(world, due=True)) == []
    world.clock.time += DAY
    assert [key for key in done(take(world, due=True)) if "main" in key] == [
        "staging database main: incremental",
        "staging database main: dump",
        "production database main: incremental",
        "production database main: dump",
    ]
    world.clock.time += 6 * DAY
    weekly = done(take(world, due=True))
    assert "production database main: verify" in weekly and weekly[-1] == "state shop: verify"
    assert ("path", "verify shop") in world.copies.taken
    world.copies.fails = {"verify shop": "pack 12ab: not found in index"}
    world.clock.time += 7 * DAY
    assert not take(world, due=True).ok
    assert "BACKUP of state shop: DAMAGED: pack 12ab" in str(status_lines(status(world.host, world.stack)))


def test_what_a_person_asks_for(world: World) -> None:
    found = done(take(world, environment="production"))
    assert found == [
        "production database main: incremental",
        "production database main: dump",
        "production file lite: copy",
        "production volume uploads: copy",
    ]
    assert done(take(world, environment="production", kind="full")) == ["production database main: full"]
    assert world.backups.log.count("full shop_production_main 1") == 1
    assert "done in" in take(world, environment="staging", kind="verify").outcomes[0].sentence


@pytest.mark.parametrize(
    ("wish", "what"), [({"environment": "qa"}, "'qa'"), ({"kind": "tape"}, "choose of full, incremental")]
)
def test_what_is_nothing_is_refused(world: World, wish: dict[str, str], what: str) -> None:
    with pytest.raises(RefusedError) as refused:
        take(world, **wish)
    assert what in str(refused.value)
    world.stack = read_stack("shop", {**shop_with_backups(), "databases": {"main": {}}})
    with pytest.raises(RefusedError) as refused:
        take(world)
    assert "nothing of shop is backed up" in str(refused.value)
    assert take(world, due=True).outcomes == [], "a timer that was left says nothing"


def test_each_repository_gets_its_own(world: World) -> None:
    definition = world.stack.to_mapping(with_env=True)
    definition["databases"]["main"]["backup"]["repository"] = ["path", "s3"]
    world.stack = read_stack("shop", definition)
    take(world, environment="production")
    assert [line for line in world.backups.log if "production" in line] == [
        "incremental shop_production_main 1",
        "incremental shop_production_main 2",
    ]
    assert [kind for kind, what in world.copies.taken if "dump" in what] == ["path", "s3"]


def test_one_that_fails_stops_no_other_and_is_told_once(world: World, notifier: Notifier) -> None:
    take(world, due=True)
    world.copies.fails = {"production volume": "repository is locked"}
    world.clock.time += DAY
    report = take(world, due=True)
    assert not report.ok and done(report)[-1] == "state shop: copy"
    assert [outcome.sentence for outcome in report.outcomes if not outcome.ok] == [
        "production volume uploads: copy FAILED: repository is locked"
    ]
    assert len(notifier.texts) == 1 and "backups of shop in production: something is wrong" in notifier.texts[0]
    assert "repository is locked" not in notifier.texts[0], "what programs print is not sent"
    world.clock.time += 900
    again = take(world, due=True)
    assert done(again) == ["production volume uploads: copy"] and len(notifier.texts) == 1
    world.copies.fails = {}
    world.clock.time += 900
    assert take(world, due=True).ok
    world.copies.fails = {"production volume": "repository is locked"}
    world.clock.time += DAY
    take(world, due=True)
    assert len(notifier.texts) == 2, "it was well in between"


def test_a_full_one_ends_what_has_failed_of_incremental_ones(world: World) -> None:
    take(world, due=True)
    for kind, fails in (("incremental", True), ("full", False), ("incremental", True)):
        world.clock.time += 600
        world.backups.away_since = world.clock.time if fails else 0.0
        take(world, kind=kind, environment="production")
    records = world.store.backup_records("shop")
    assert records["production database main: incremental"].failed_at == world.clock.time, "not since the first time"
    assert any("failing since 0 s" in line for line in status_lines(status(world.host, world.stack)))


def test_an_archive_that_nothing_reaches_is_an_alarm_and_a_no_go(world: World, notifier: Notifier) -> None:
    world.good("deploy")
    take(world, due=True)
    world.backups.away_since = world.clock.now()
    world.clock.time += 1000
    notifier.texts = []
    take(world, due=True)
    assert len(notifier.texts) == 2 and "nothing has arrived in the archive" in notifier.texts[1]
    report = world.run("promote")
    assert report is not None and report.failed
    (problem,) = (it for it in report.problems if it["where"] == "gate backups")
    assert "nothing has arrived in the archive for 18 min" in problem["what"]
    shown = status_lines(status(world.host, world.stack))
    assert any(line.startswith("BACKUP of production database main: nothing has arrived") for line in shown), shown
    world.backups.away_since = 0.0
    world.good("promote")


def test_too_old_is_a_no_go_until_there_is_a_newer_one(world: World) -> None:
    world.good("deploy")
    take(world, due=True)
    world.clock.time += 3 * DAY
    report = world.run("promote")
    assert report is not None and "TOO OLD" in str(report.problems)
    assert world.run("promote", skip_gates=("backups",), reason="tape") is not None
    world.commit({"front": "healthy"})
    world.good("deploy")
    take(world, environment="production")
    assert [gate["result"] for gate in world.good("promote").gates if gate["gate"] == "backups"] == ["go"]


def test_damage_is_found_by_reading_everything(world: World) -> None:
    world.good("deploy")
    take(world, due=True)
    world.backups.damage = ["status: error", "000000010000000000000003 is missing in the archive"]
    report = take(world, environment="production", kind="verify")
    assert "is missing in the archive" in report.outcomes[0].sentence
    refused = world.run("promote")
    assert refused is not None and "DAMAGED" in str(refused.problems)


def test_an_old_pgbackrest_says_what_it_does_not_do(world: World) -> None:
    world.good("deploy")
    take(world, due=True)
    world.backups.installed = (2, 37)
    told: list[str] = []
    wish = Wish(environment="production", kind="verify")
    assert backups.take(world.host, world.stack, wish, WHO, told.append).ok
    assert any("pgBackRest 2.37 reads nothing again, so only the files of the log are counted" in line for line in told)


def test_a_dump_makes_room_for_a_migration_and_is_done_later(world: World, notifier: Notifier) -> None:
    take(world, due=True)
    ended = "FATAL: terminating connection due to administrator command"
    world.copies.fails = {"production database main: dump": ended}
    world.clock.time += DAY
    report = take(world, due=True)
    assert report.ok and "put off: a migration needs the tables" in str([it.sentence for it in report.outcomes])
    world.copies.fails, notifier.texts = {}, []
    world.clock.time += 900
    assert done(take(world, due=True)) == ["production database main: dump"] and not notifier.texts
    world.good("deploy")
    assert "end dumps shop_staging_main" in world.backups.log


def test_what_does_not_exist_yet_is_no_failure_and_what_is_gone_is_one(world: World, notifier: Notifier) -> None:
    world.copies.missing = {"shop_production_uploads", "/volumes/shop_staging_data/lite.db"}
    report = take(world, due=True)
    put_off = [it.sentence for it in report.outcomes if it.put_off]
    assert report.ok and put_off == [
        "staging file lite: copy: nothing to copy yet",
        "production volume uploads: copy: nothing to copy yet",
    ]
    world.copies.missing = set()
    assert len(done(take(world, due=True))) == 2
    world.copies.missing = {"shop_production_uploads"}
    world.clock.time += DAY
    gone = take(world, due=True)
    assert not gone.ok and "shop_production_uploads is gone, of which there are copies" in str(
        [it.sentence for it in gone.outcomes]
    )
    assert len(notifier.texts) == 1


def test_one_at_a_time(world: World) -> None:
    with lock.hold(backups.lock_path(world.host, world.stack), WHO, 0), pytest.raises(RefusedError) as refused:
        take(world)
    assert "backup by ann" in str(refused.value) and "lock_wait" in str(refused.value)


def test_what_would_be_done(world: World) -> None:
    told = backups.previewed(world.host, world.stack, Wish(environment="production", kind="dump"))
    assert told[0] == "would do production database main: dump" and not world.copies.taken


def test_how_restic_finds_one(world: World) -> None:
    assert tag("production database main") == "production/database/main"


def test_without_backups_nothing_is_looked_at(world: World, tmp_path: Path) -> None:
    plain = World(str(tmp_path / "plain"))
    assert not plain.stack.has_backups("production")
    plain.good("deploy")
    assert "backups" not in [gate["gate"] for gate in plain.good("promote").gates]
    assert not any("backup" in line for line in status_lines(status(plain.host, plain.stack)))
