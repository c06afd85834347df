# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lost host comes back on an empty one: what from where is said first, and whoever is killed goes on with it."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import HEALTHY
from fakes.faults import Killed
from fakes.restores import RESTORED
from fakes.stacks import host_with_an_archive, shop_with_backups
from fakes.world import World

from release.errors import RefusedError
from release.operations import databases, host_recovery
from release.operations.host_recovery import Recovered
from release.planning.backups.asked import AskedPlaces
from release.planning.host_recovery import STATE, confirmed
from release.releases.host_recovery import Copy, Known
from release.releases.lock_holder import LockHolder

WHO = LockHolder.from_json({"operation": "recover_host", "person": "ann", "host": "desk"})
PASSPHRASE = "the-old-passphrase"
NOW = 1_764_200_000.0
VOLUMES = frozenset({"shop_staging_uploads", "shop_production_uploads"})


def definition() -> dict[str, Any]:
    found = shop_with_backups()
    found["volumes"] = {"uploads": {"user": 10001, "backup": True}}
    found["databases"]["lite"] = {"engine": "sqlite", "volume": "uploads", "backup": True}
    return found


def copy(tag: str, hours: float, snapshot: str, kind: str = "path") -> Copy:
    return Copy(kind, "shop", snapshot, tag, NOW - hours * 3600, f"/copied/{snapshot}")


@pytest.fixture
def before(tmp_path: Path) -> World:
    """The host that is lost."""
    world = World(str(tmp_path / "before"), definition())
    host_with_an_archive(world)
    world.ship()
    return world


def emptied(directory: Path, before: World) -> World:
    """An empty host, and what the other has left."""
    found = World(str(directory), definition())
    found.copies.missing |= VOLUMES
    found.store.blocks["shop"] = dict(before.store.blocks["shop"])
    found.backups.sets = {"shop_production_main": before.backups.sets["shop_production_main"]}
    found.salvage.history = Known(tuple(before.store.entries()), before.store.kept["shop"])
    found.salvage.left["path"] = [
        *(copy("state/shop", 30, "old"), copy("state/shop", 5, "new")),
        *(copy("production/volume/uploads", 5, "volume"), copy("production/file/lite", 4, "lite")),
    ]
    return found


@pytest.fixture
def world(tmp_path: Path, before: World) -> World:
    return emptied(tmp_path / "after", before)


def begin(world: World, **backups: Any) -> Recovered:
    asked = {"passphrase": PASSPHRASE, "directory": "/mnt/backups", **backups}
    return host_recovery.begin(world.host, [world.stack], asked, WHO)


def provision(world: World) -> databases.Provided:
    host = dataclasses.replace(world.host, memory_bytes=4 * 2**30)
    places = AskedPlaces("/mnt/backups", PASSPHRASE)
    return databases.provide(host, databases.Asked([world.stack], places=places), WHO)


def refused(world: World, **backups: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        begin(world, **backups)
    assert world.salvage.record is None and not world.salvage.brought, "something was changed"
    return " | ".join(map(str, caught.value.problems))


def test_all_that_is_wrong_is_told_at_once(world: World, before: World) -> None:
    assert "postgresql_backup_passphrase: nobody says" in refused(world, passphrase="")
    assert "wrong password" in refused(world, passphrase="a-passphrase-of-nobody")
    world.copies.missing.clear()
    world.store.written = before.store.written
    told = refused(world, passphrase="")
    assert "2 releases" in told and "volume shop_production_uploads" in told and "nobody says" in told
    with pytest.raises(RefusedError) as caught:
        host_recovery.begin(world.host, [world.stack], {"passphrase": "x"}, WHO, confirmed("", "vm1"))
    told = " | ".join(map(str, caught.value.problems))
    assert "confirm" in told and "12 to 200" in told and "not empty" in told


def test_a_provisioned_host_is_not_empty(world: World) -> None:
    provision(world)
    assert "cluster shop_production_main" in refused(world)


def test_without_its_state_nothing_comes_back(world: World) -> None:
    world.salvage.left["path"] = world.salvage.left["path"][2:]
    assert "no copy of its state" in refused(world)


def test_a_look_says_what_comes_from_where(world: World, before: World) -> None:
    asked = {"passphrase": PASSPHRASE, "directory": "/mnt/backups"}
    looked = host_recovery.begin(world.host, [world.stack], asked, WHO, write=False)
    live = next(entry for entry in before.store.entries() if entry.release.environment == "production")
    text = "\n".join(looked.lines)
    assert live.release.id in text and "shop_production_main: backup shop_production_mainF" in text
    assert "staging database main has no backup, and begins empty" in text
    assert world.salvage.record is None and world.places.places is None
    world.salvage.lacking = ["restic"]
    looked = host_recovery.begin(world.host, [world.stack], asked, WHO, write=False)
    assert "restic are not installed yet" in "\n".join(looked.lines)


def test_everything_comes_back(world: World, before: World) -> None:
    done = begin(world)
    assert world.salvage.brought == [
        "adopt /mnt/backups/postgresql",
        f"path new to {world.paths.state}/shop",
        "path volume to /volumes/shop_production_uploads",
        "path lite to /volumes/shop_production_uploads/lite.db",
    ]
    assert world.salvage.names == STATE
    (live,) = (it for it in before.store.entries() if it.release.environment == "production")
    first = {"stack": "shop", "version": live.release.commit, "apps": [], "keep_schema": False}
    assert done.deploys == [first] and done.promotes == ["shop"]
    assert "brought back database main of shop production" in provision(world).changes
    assert world.store.databases("shop") == before.store.databases("shop"), "ports and passwords are the same"
    assert world.restores.known["shop_production_main"].data == RESTORED
    assert [name for name, _, _ in world.backups.restored] == ["shop_production_main"], "staging begins empty"
    assert provision(world).changes == [] and len(world.backups.restored) == 1
    told = "\n".join(host_recovery.finish(world.host, [world.stack]).lines)
    assert "it came back until" in told
    assert world.salvage.record and world.salvage.record.ended


def test_the_newest_of_two_places(world: World) -> None:
    bucket = {"endpoint": "s3.test", "bucket": "shop", "key": "k", "secret": "s"}
    world.salvage.left["s3"] = [copy("state/shop", 1, "far", "s3"), copy("production/volume/uploads", 9, "old", "s3")]
    begin(world, bucket=bucket)
    assert f"s3 far to {world.paths.state}/shop" in world.salvage.brought
    assert "path volume to /volumes/shop_production_uploads" in world.salvage.brought


def test_apps_of_other_commits_are_deployed_after_the_rest(world: World, before: World) -> None:
    entries = before.store.entries()
    (live,) = (it for it in entries if it.release.environment == "production")
    mixed = dataclasses.replace(live.release, commits={**live.release.commits, "api": "f" * 40})
    others = tuple(it for it in entries if it is not live)
    world.salvage.history = Known((*others, dataclasses.replace(live, release=mixed)), world.salvage.history.databases)
    assert [(it["version"], it["apps"]) for it in begin(world).deploys] == [(mixed.commit, []), ("f" * 40, ["api"])]


def test_staging_that_is_ahead_keeps_its_schema(world: World, before: World) -> None:
    before.databases.newest = "0002"
    before.commit({"api": HEALTHY})
    before.good("deploy")
    world.salvage.history = Known(tuple(before.store.entries()), before.store.kept["shop"])
    (alone,) = begin(world).deploys
    assert alone["keep_schema"] is False, "its database begins empty"
    world.salvage.record = None
    world.docker.volumes.clear()
    world.backups.sets["shop_staging_main"] = before.backups.sets["shop_staging_main"]
    (alone,) = begin(world).deploys
    assert alone["keep_schema"] is True


def test_nothing_is_migrated_where_the_schema_is_kept(before: World) -> None:
    before.databases.newest = "0002"
    before.commit({"api": HEALTHY})
    begun = len(before.databases.begun)
    before.good("deploy", keep_schema=True)
    assert len(before.databases.begun) == begun and before.databases.applied["staging"] == "0001"


def test_nothing_is_lost_by_a_host_that_was_never_lost(world: World) -> None:
    provision(world)
    assert not world.backups.restored and not world.restores.known


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_moment_it_goes_on(tmp_path: Path, before: World, after: bool) -> None:
    for number in itertools.count(1):
        fresh = emptied(tmp_path / str(number), before)
        fresh.faults.kill_at(number, after)
        try:
            begin(fresh)
            provision(fresh)
        except Killed:
            at = fresh.faults.calls[-1]
            fresh.faults.revive()
            begin(fresh)
            provision(fresh)
        else:
            assert number > 15, "it was never killed on its way"
            return
        assert fresh.restores.known["shop_production_main"].data == RESTORED, at
        assert fresh.store.databases("shop") == before.store.databases("shop"), at
        assert fresh.salvage.record and set(fresh.salvage.record.done) == {
            *("shop state", "shop production/volume/uploads", "shop production/file/lite", "shop_production_main"),
        }, at
        assert "path lite to /volumes/shop_production_uploads/lite.db" in fresh.salvage.brought, at
