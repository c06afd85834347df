# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters are made once, refused as a whole, and known to releases and the status."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from fakes.faults import Killed
from fakes.postgresql import FakePostgresql
from fakes.stacks import shop_with_databases
from fakes.world import World
from support.profiles import ONE_IN

from release.env.env_file import parse_env
from release.errors import RefusedError
from release.operations.databases import Asked, Provided, provide
from release.operations.redaction import redactor
from release.operations.status import status
from release.planning.backups.asked import AskedPlaces
from release.releases.backups import Bucket
from release.releases.lock_holder import LockHolder
from release.rendering.status import status_lines
from release.stack.reader import read_stack

WHO = LockHolder.from_json({"operation": "provision", "person": "ann", "host": "desk"})
GIB = 2**30


@pytest.fixture
def world(tmp_path: Path) -> World:
    found = World(str(tmp_path), shop_with_databases())
    found.store.blocks["shop"] = {"staging": "172.16.224.0/26", "production": "172.16.224.64/26"}
    return found


def clusters(world: World) -> FakePostgresql:
    return world.database


def done(world: World, *, write: bool = True, **options: Any) -> Provided:
    host = dataclasses.replace(world.host, memory_bytes=options.pop("memory_bytes", 4 * GIB))
    return provide(host, Asked([world.stack], **options), WHO, write=write)


def changed(world: World, **changes: Any) -> None:
    definition = shop_with_databases()
    definition["databases"]["main"].update(changes)
    world.stack = read_stack("shop", definition)


def test_a_look_says_the_same_and_changes_nothing(world: World) -> None:
    looked = done(world, write=False)
    assert looked.changes and not clusters(world).log and not world.store.kept
    assert set(looked.changes) == {change for change in done(world).changes if ".conf" not in change}
    assert done(world).changes == [] and done(world, write=False).changes == []


def test_each_environment_has_a_cluster_and_passwords_of_its_own(world: World) -> None:
    done(world)
    assert clusters(world).log == [
        *("create shop_staging_main", "start shop_staging_main"),
        *("create shop_production_main", "start shop_production_main"),
    ]
    kept = world.store.databases("shop")
    one, other = kept["staging"]["main"], kept["production"]["main"]
    assert (one.port, other.port) == (5433, 5434)
    assert len({one.app.password, one.owner.password, other.app.password, other.owner.password}) == 4
    assert "172.16.224.64/26" in clusters(world).written["shop_production_main"]


def test_no_release_before_they_are_made(world: World) -> None:
    report = world.run("deploy")
    assert report and any("database main of staging has not been made" in p["what"] for p in report.problems)
    done(world)
    world.good("deploy")
    (files,) = world.store.slot_env.values()
    env = parse_env(files["app-api"])
    kept = world.store.databases("shop")["staging"]["main"]
    assert env["DATABASE_URL"] == f"postgresql://app_1:{kept.app.password}@host.docker.internal:5433/main"
    assert not [name for name in env if name.startswith("ONEHOST_")]
    assert kept.owner.password not in str(env)
    assert redactor(world.host, world.stack)(f"at {env['DATABASE_URL']}!").count(kept.app.password) == 0


def test_everything_wrong_is_told_before_anything_is_done(world: World) -> None:
    done(world)
    changed(world, version=18, password_generation=2, memory="3g")
    with pytest.raises(RefusedError) as refused:
        done(world)
    told = str(refused.value)
    assert told.count("has version 17, not 18") == 2
    changed(world, memory="3g")
    with pytest.raises(RefusedError, match="want 6144 MB together, and may have 2048"):
        done(world)
    assert world.store.databases("shop")["staging"]["main"].generation == 1


def test_what_wants_a_restart_waits_for_one(world: World) -> None:
    done(world)
    clusters(world).pending = ["max_connections"]
    changed(world, connections=31)
    told = done(world)
    assert "load shop_staging_main" in clusters(world).log and "restart shop_staging_main" not in clusters(world).log
    assert any("max_connections" in note and "postgresql_restart" in note for note in told.notes)
    changed(world, connections=32)
    done(world, restart=True)
    assert "restart shop_production_main" in clusters(world).log


def test_one_that_is_named_no_more_stays(world: World) -> None:
    done(world)
    definition = shop_with_databases()
    del definition["databases"]["main"], definition["apps"]["api"]["database"]
    world.stack = read_stack("shop", definition)
    told = done(world)
    assert len(told.notes) == 2 and "pg_dropcluster --stop 17 shop_staging_main" in told.notes[0]
    assert "5433" in clusters(world).rules, "its port stays guarded"


def test_the_status_asks_them(world: World) -> None:
    done(world)
    world.good("deploy")
    lines = status_lines(status(world.host, world.stack))
    assert (
        "databases of staging: main (PostgreSQL 17.12, 8 MB, 3 of 30 connections), lite (SQLite, in a volume), "
        "far (elsewhere, not asked)"
    ) in lines
    clusters(world).found.clear()
    lines = status_lines(status(world.host, world.stack))
    assert any("staging main: does not answer: no answer" in line for line in lines)


def test_backups_are_set_up_with_the_cluster_and_a_passphrase_that_stays(world: World) -> None:
    changed(world, backup={})
    assert done(world, write=False).changes and world.places.places is None and not world.backups.texts
    first = done(world)
    assert any("Keep a copy elsewhere" in note for note in first.notes)
    assert world.backups.stanzas == {"shop_staging_main", "shop_production_main"} == set(world.backups.texts)
    assert world.backups.directories == {"/var/lib/onehost-backups/postgresql"}
    assert (
        world.places.places is not None and world.places.places.passphrase in world.backups.texts["shop_staging_main"]
    )
    assert (again := done(world)).changes == [] and not again.notes
    before, world.places.is_damaged = world.places.places.passphrase, True
    done(world)
    assert world.places.places.passphrase == before, "nobody could read the backups that are there"
    with pytest.raises(RefusedError) as refused:
        done(world, places=AskedPlaces(passphrase="another-passphrase"))
    assert "backups.key" in str(refused.value)


def test_without_backups_nothing_of_it_is_made(world: World) -> None:
    done(world)
    assert not world.backups.directories and world.places.places is None


def test_a_bucket_that_nobody_named_is_refused_before_anything_is_made(world: World) -> None:
    changed(world, backup={"repository": "s3"})
    with pytest.raises(RefusedError) as refused:
        done(world)
    assert len(refused.value.problems) == 2 and "postgresql_backup_bucket" in str(refused.value)
    assert not clusters(world).log
    done(world, places=AskedPlaces(bucket=Bucket("s3.example", "shop", "id", "secret")))
    assert "repo1-s3-bucket=shop\n" in world.backups.texts["shop_production_main"] and not world.backups.directories


def test_an_archive_that_is_away_stops_no_provisioning(world: World) -> None:
    changed(world, backup={})
    world.backups.away_since = 1.0
    assert any("is not backed up yet" in note for note in done(world).notes)
    world.backups.away_since = 0.0
    done(world)
    assert world.backups.stanzas


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_change_the_next_run_finishes(tmp_path: Path, after: bool) -> None:
    """Provisioning is killed at each of its changes, and begun once more: what runs has read what is written."""
    number = 1 - ONE_IN
    while True:
        number += ONE_IN
        world = World(str(tmp_path / f"{number}{after}"), shop_with_databases())
        world.store.blocks["shop"] = {"staging": "172.16.224.0/26", "production": "172.16.224.64/26"}
        killed = _killed(world, number, after)
        _settled(world, f"first run, {number}")
        # And one that changes settings, addresses and passwords of what runs.
        world.store.blocks["shop"]["production"] = "172.16.225.0/26"
        changed(world, connections=31, password_generation=2)
        killed = _killed(world, number, after) or killed
        _settled(world, f"second run, {number}")
        if not killed:
            break
    assert number > 10


def _killed(world: World, number: int, after: bool) -> bool:
    world.faults.kill_at(number, after)
    try:
        done(world)
    except Killed:
        return True
    finally:
        world.revive()
    return False


def _settled(world: World, where: str) -> None:
    done(world)
    assert done(world).changes == [] and done(world, write=False).changes == [], where
    database, kept = clusters(world), world.store.databases("shop")
    assert database.loaded == database.written and len(database.written) == 2, where
    assert database.known_to_kernel == database.rules, where
    assert all(one.runs for one in database.found.values()), where
    for environment in ("staging", "production"):
        mine = kept[environment]["main"]
        assert database.found[f"shop_{environment}_main"].port == mine.port, where


def both(world: World, only: str = "", places: AskedPlaces | None = None, **changes: Any) -> Provided:
    """Provide the shop and a stack beside it, of which both have these settings."""
    changed(world, **changes)
    blog = dataclasses.replace(world.stack, name="blog")
    host = dataclasses.replace(world.host, memory_bytes=4 * GIB)
    return provide(host, Asked([blog, world.stack], places=places, only=only), WHO)


@pytest.fixture
def two(world: World) -> World:
    """A host with the clusters of two stacks, with backups."""
    world.store.blocks["blog"] = {"staging": "172.16.224.128/26", "production": "172.16.224.192/26"}
    both(world, backup={})
    clusters(world).log.clear()
    return world


def test_of_one_stack_alone_the_other_ones_clusters_stay(two: World) -> None:
    before, rules, timers = dict(clusters(two).written), clusters(two).rules, dict(two.store.kept)
    clusters(two).granted.clear()
    done = both(two, "shop", backup={}, connections=7)
    assert not [line for line in done.changes if "blog" in line] and done.notes == []
    assert {name for name, text in clusters(two).written.items() if before[name] != text} == {
        "shop_staging_main",
        "shop_production_main",
    }
    assert clusters(two).rules == rules and two.store.kept == timers, "who reaches which port is known of all"
    assert set(clusters(two).granted) == {"shop_staging_main", "shop_production_main"}
    assert both(two, "shop", backup={}, connections=7).changes == []
    assert any("blog" in line for line in both(two, backup={}, connections=7).changes)


def test_of_one_stack_alone_all_count_for_the_memory(two: World) -> None:
    with pytest.raises(RefusedError, match="memory"):
        both(two, "shop", backup={}, memory="700m")


def test_a_new_database_of_another_stack_is_not_made(world: World) -> None:
    world.store.blocks["blog"] = {"staging": "172.16.224.128/26", "production": "172.16.224.192/26"}
    both(world, "shop")
    assert (
        set(clusters(world).found) == {"shop_staging_main", "shop_production_main"} and "blog" not in world.store.kept
    )


def test_backups_that_go_elsewhere_go_there_from_all_clusters(two: World) -> None:
    done = both(two, "shop", AskedPlaces("/mnt/backups"), backup={})
    assert {"blog_production_main", "shop_production_main"} <= {
        name for name, text in two.backups.texts.items() if "/mnt/backups" in text
    }
    assert "where backups go" in done.changes
    assert both(two, "shop", AskedPlaces("/mnt/backups"), backup={}).changes == []
