# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of uploads in a drill: read from their copy, and compared with what they have to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.copied import checksum
from fakes.stacks import host_with_an_archive, shop_with_backups
from fakes.world import World

from release.operations import drill, drill_files
from release.operations.backups import lock_path
from release.planning import drill_files as planned
from release.process import lock
from release.releases.backups import Bucket, Places
from release.releases.drills import Finding
from release.releases.lock_holder import LockHolder

pytestmark = pytest.mark.usefixtures("one_by_one")
WHO = LockHolder.from_json({"operation": "drill", "person": "timer", "host": "vm"})
THING = "production volume uploads"
SQL = "SELECT path, sha256 FROM files"


def made(tmp_path: Path, **check: Any) -> World:
    definition = shop_with_backups()
    definition["volumes"] = {"uploads": {"user": 10001, "backup": True}}
    definition["apps"]["api"]["volumes"] = {"uploads": "/uploads"}
    one = {"name": "uploads", "volume": "uploads", **check}
    definition["databases"]["main"]["drill"] = {"checks": [one]}
    found = World(str(tmp_path), definition)
    host_with_an_archive(found)
    found.places.places = Places("/backups", "pass")
    now = found.clock.now()
    found.copied.copy(THING, now - 90000, {"old": "an older copy"})
    found.copied.copy(THING, now - 3600, {"a": "one", "b/c": "two"})
    found.copied.now = {"a": ("one", now - 9000), "b/c": ("two", now - 9000)}
    return found


def rows(world: World, sample: int = 20, **files: str) -> None:
    answer = json.dumps([[path.replace("_", "/"), checksum(text)] for path, text in files.items()])
    world.restores.answers_of[planned.question(SQL, sample)] = answer


def seen(world: World) -> Finding:
    report = drill.request(world.host, world.stack, "", "", WHO)
    assert report.holds == (not report.drills[0].problems)
    return report.drills[0].checks[-1]


def test_files_are_read_and_compared_with_the_volume(tmp_path: Path) -> None:
    world = made(tmp_path)
    assert seen(world) == Finding("uploads", "2 of 2 files: 2 as in the volume")
    world.copied.now = {"a": ("changed since", world.clock.now())}
    assert seen(world) == Finding("uploads", "2 of 2 files: 1 newer than the copy, 1 only there")


def test_a_copy_that_is_not_what_it_was_made_of(tmp_path: Path) -> None:
    world = made(tmp_path)
    world.copied.now["a"] = ("other", world.clock.now() - 9000)
    assert seen(world).problem == "a: is not what is in the volume"
    world.copied.damaged = {"a", "b/c"}
    assert seen(world).problem == "a: ciphertext verification failed; b/c: ciphertext verification failed"


def test_database_and_files_fit_together(tmp_path: Path) -> None:
    world = made(tmp_path, sql=SQL)
    rows(world, a="one", b_c="two")
    assert seen(world) == Finding("uploads", "2 files: 2 as the database says")
    world.copied.now["new"] = ("three", world.clock.now())
    rows(world, a="one", new="three")
    assert seen(world) == Finding("uploads", "2 files: 1 as the database says, 1 newer than the copy")
    rows(world, a="another", gone="four")
    found = seen(world).problem
    assert "a: is not what the database says" in found and "gone: the database knows it" in found
    world.copied.damaged = {"a"}
    assert "a: ciphertext verification failed" in seen(world).problem


def test_only_so_many_are_read(tmp_path: Path) -> None:
    world = made(tmp_path, sample=1)
    assert seen(world).answer == "1 of 2 files: 1 as in the volume"
    mine = made(tmp_path / "other", sql=SQL, sample=3)
    rows(mine, 3, a="one")
    assert seen(mine).answer == "1 files: 1 as the database says"


def test_what_cannot_be_looked_at_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = made(tmp_path, sql=SQL)
    assert seen(world).problem == "ERROR: relation does not exist"
    world.copied.taken.clear()
    assert "volume uploads has no copy" in seen(world).problem and "backup" in seen(world).problem
    monkeypatch.setattr(drill_files, "BACKUP_SECONDS", 0.0)
    with lock.hold(lock_path(world.host, world.stack), WHO, 0):
        assert seen(world).problem
    world.copies.missing.add("shop_production_uploads")
    assert seen(world) == Finding("uploads", "no release has made the volume yet")
    world.copies.missing.clear()
    world.places.is_damaged = True
    assert seen(world).problem == "it is not provisioned"


def test_a_bucket_is_looked_at_too(tmp_path: Path) -> None:
    world = made(tmp_path)
    world.places.places = Places("/backups", "pass", Bucket("s3.test", "shop", "id", "secret"))
    assert seen(world).answer == "path: 2 of 2 files: 2 as in the volume; s3: 2 of 2 files: 2 as in the volume"
    assert world.copied.asked == {"path", "s3"}
    world.copied.damaged = {"a"}
    assert seen(world).problem.startswith("path: a: ciphertext") and "; s3: a: ciphertext" in seen(world).problem
