# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying a cleanup out: it stops when the disk says so, holds off while an operation runs, and outlives refusals."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fakes.disk import GB, FakeDisk
from fakes.stacks import ONE_WORKER
from fakes.world import World

from release.adapters.disk import Disk, package_files, used
from release.adapters.docker import Docker
from release.errors import RefusedError
from release.operations import cleanup
from release.planning.cleanup import Removal, Settings
from release.process import lock
from release.releases.lock_holder import LockHolder
from release.stack.model import Stack


def clean(world: World, disk: FakeDisk, floor: float, **more: Any) -> cleanup.CleanupReport:
    host = dataclasses.replace(world.host, disk=disk)
    return cleanup.make_room(host, [ONE_WORKER], Settings(free_gb=floor), **more)


def test_stops_as_soon_as_the_floor_is_met(world: World) -> None:
    disk = FakeDisk(free=2 * GB, images=9)
    report = clean(world, disk, 5)
    assert (report.changed, report.failed, disk.calls, report.free_after) == (True, False, 3, 5 * GB)
    assert report.kinds == {"image": 3 * GB}


def test_removes_more_when_images_gave_less_than_they_take(world: World) -> None:
    disk = FakeDisk(free=2 * GB, images=9, gives=GB // 2)
    assert not clean(world, disk, 5).failed
    assert disk.calls == 6


def test_check_mode_says_the_same_and_removes_nothing(world: World) -> None:
    disk = FakeDisk(free=2 * GB, images=9)
    would = clean(world, disk, 5, check=True)
    assert disk.calls == 0
    assert would.removed == clean(world, disk, 5).removed


def test_second_run_has_nothing_to_do(world: World) -> None:
    disk = FakeDisk(free=2 * GB, images=9)
    clean(world, disk, 5)
    report = clean(world, disk, 5)
    assert not report.changed
    assert "nothing to do" in report.message


def test_below_the_floor_after_all_fails_and_names_the_largest(world: World) -> None:
    report = clean(world, FakeDisk(free=GB, images=1), 20)
    assert report.failed
    assert any("7.0 GB  /home/ubuntu" in line for line in cleanup.lines(report, False))


@pytest.mark.parametrize("answer", ["conflict: container abc is using it", "500 no space left on device"])
def test_what_docker_refuses_stays_and_the_rest_goes(world: World, answer: str) -> None:
    disk = FakeDisk(free=2 * GB, images=4)
    disk.refuse["mail:000000000000"] = answer
    report = clean(world, disk, 5)
    assert not report.failed
    assert report.stayed == [f"image mail:000000000000: {answer}"]


def test_holds_off_while_an_operation_runs(world: World) -> None:
    path = lock.lock_path("shop", "production", world.paths.locks)
    disk = FakeDisk(free=2 * GB, images=9)
    with (
        lock.hold(path, LockHolder.from_json({"operation": "promote", "person": "ann"}), 0),
        pytest.raises(RefusedError, match="promote by ann"),
    ):
        clean(world, disk, 5)
    assert disk.calls == 0


def test_takes_the_locks_while_it_removes(world: World) -> None:
    holders = []

    class Watching(FakeDisk):
        def remove(self, removal: Removal, settings: Settings, stacks: Sequence[Stack]) -> str:
            paths = [lock.lock_path("shop", env, world.paths.locks) for env in ("staging", "production")]
            holders.append([getattr(lock.holder(path), "operation", None) for path in paths])
            return super().remove(removal, settings, stacks)

    clean(world, Watching(free=4 * GB, images=1), 5)
    assert holders == [["cleanup", "cleanup"]]


def test_within_a_deploy_its_own_lock_is_no_hindrance(world: World) -> None:
    path = lock.lock_path("shop", "staging", world.paths.locks)
    with lock.hold(path, LockHolder.from_json({"operation": "deploy"}), 0):
        assert not clean(world, FakeDisk(free=2 * GB, images=9), 5, locking=cleanup.Locking(held=[path])).failed


def test_fresh_images_of_a_build_are_left_alone(world: World) -> None:
    disk = FakeDisk(free=2 * GB, images=3)
    assert clean(world, disk, 9, keep_images=["i0", "i1"]).failed
    assert [image.id for image in disk.left] == ["i0", "i1"]


def test_settings_are_those_of_the_host_unless_asked_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "cleanup.json"
    path.write_text(json.dumps({"free_gb": 7, "keep_releases": 9}))
    disk = Disk(Docker(), str(path))
    assert disk.settings({"free_gb": None}) == Settings(free_gb=7, keep_releases=9)
    assert disk.settings({"free_gb": 1.5}).free_gb == 1.5
    path.write_text(json.dumps({"free_gigabytes": 7}))
    with pytest.raises(RefusedError, match="free_gigabytes"):
        disk.settings({})
    assert Disk(Docker(), str(tmp_path / "none")).settings({}) == Settings()
    for damaged in ("", "{", "[]"):
        path.write_text(damaged)
        assert disk.settings({"free_gb": 3}) == Settings(free_gb=3), "the disk is kept free all the same"


def test_only_what_apt_can_fetch_again_counts(tmp_path: Path) -> None:
    (tmp_path / "archives").mkdir()
    for name in ("archives/a.deb", "archives/lock", "pkgcache.bin", "other"):
        (tmp_path / name).write_bytes(b"x" * 5000)
    assert [Path(path).name for path in package_files(str(tmp_path))] == ["pkgcache.bin", "a.deb"]
    assert used(str(tmp_path)) >= 20000
