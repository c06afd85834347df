# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying a cleanup out: it stops when the disk says so, holds off while an operation runs, and outlives refusals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fakes.stacks import ONE_WORKER

from release.adapters.disk import Disk, package_files, used
from release.entrypoints.bootstrap import Clock
from release.errors import OperationError, RefusedError
from release.operations import cleanup
from release.paths import Paths
from release.planning.cleanup import DiskItem, HostUsage, ImageUsage, Removal, Settings, StackUsage
from release.ports import Host
from release.process import lock
from release.releases.compose import LABEL
from release.releases.lock_holder import LockHolder
from release.stack.model import Stack

GB = 1_000_000_000


class FakeDisk(Disk):
    """Images of 1 GB each. `free` is what the disk says, `shared` how much less than that an image really gives."""

    def __init__(self, free: int, images: int, gives: int = GB) -> None:
        super().__init__("/nowhere")
        self.free, self.gives, self.calls = free, gives, 0
        self.refuse: dict[str, str] = {}
        labels = {f"{LABEL}.stack": "shop", f"{LABEL}.app": "mail"}
        self.left = [ImageUsage(f"i{n}", (f"mail:{n:012x}",), labels, GB, float(n)) for n in range(images)]

    def observe(self, host: Host, stacks: Sequence[Stack], state: str = "") -> HostUsage:
        seen = [StackUsage("shop", (), {"staging": "", "production": ""})]
        return HostUsage(100 * GB, self.free, tuple(self.left), stacks=seen)

    def space(self, stacks: Sequence[Stack]) -> tuple[int, int]:
        return 100 * GB, self.free

    def spend_spare(self) -> None: ...

    def renew_spare(self, stacks: Sequence[Stack]) -> None: ...

    def consumers(self, seen: HostUsage, number: int = 10) -> list[DiskItem]:
        return [DiskItem("/home/ubuntu", 7 * GB)]

    def remove(self, removal: Removal, settings: Settings, stacks: Sequence[Stack]) -> str:
        name = removal.names[0]
        if name in self.refuse:
            if self.refuse[name].startswith("500"):
                raise OperationError("Docker refused", "docker", self.refuse[name])
            return self.refuse[name]
        self.calls += 1
        self.left = [image for image in self.left if image.names != removal.names]
        self.free += self.gives
        return ""


#: All that a cleanup asks of the host, besides its disk.
HOST = cast(Host, SimpleNamespace(clock=Clock()))


def clean(disk: FakeDisk, places: Paths, floor: float, **more: Any) -> cleanup.CleanupReport:
    return cleanup.make_room(
        HOST,
        [ONE_WORKER],
        Settings(free_gb=floor),
        disk=disk,
        places=places,
        **more,
    )


@pytest.fixture
def places(tmp_path: Path) -> Paths:
    return Paths(state=str(tmp_path / "state"), locks=str(tmp_path / "locks"))


def test_stops_as_soon_as_the_floor_is_met(places: Paths) -> None:
    disk = FakeDisk(free=2 * GB, images=9)
    report = clean(disk, places, 5)
    assert (report.changed, report.failed, disk.calls, report.free_after) == (True, False, 3, 5 * GB)
    assert report.kinds == {"image": 3 * GB}


def test_removes_more_when_images_gave_less_than_they_take(places: Paths) -> None:
    disk = FakeDisk(free=2 * GB, images=9, gives=GB // 2)
    assert not clean(disk, places, 5).failed
    assert disk.calls == 6


def test_check_mode_says_the_same_and_removes_nothing(places: Paths) -> None:
    disk = FakeDisk(free=2 * GB, images=9)
    would = clean(disk, places, 5, check=True)
    assert disk.calls == 0
    assert would.removed == clean(disk, places, 5).removed


def test_second_run_has_nothing_to_do(places: Paths) -> None:
    disk = FakeDisk(free=2 * GB, images=9)
    clean(disk, places, 5)
    report = clean(disk, places, 5)
    assert not report.changed
    assert "nothing to do" in report.message


def test_below_the_floor_after_all_fails_and_names_the_largest(places: Paths) -> None:
    report = clean(FakeDisk(free=GB, images=1), places, 20)
    assert report.failed
    assert any("7.0 GB  /home/ubuntu" in line for line in cleanup.lines(report, False))


@pytest.mark.parametrize("answer", ["conflict: container abc is using it", "500 no space left on device"])
def test_what_docker_refuses_stays_and_the_rest_goes(places: Paths, answer: str) -> None:
    disk = FakeDisk(free=2 * GB, images=4)
    disk.refuse["mail:000000000000"] = answer
    report = clean(disk, places, 5)
    assert not report.failed
    assert report.stayed == [f"image mail:000000000000: {answer}"]


def test_holds_off_while_an_operation_runs(places: Paths) -> None:
    path = lock.lock_path("shop", "production", places.locks)
    disk = FakeDisk(free=2 * GB, images=9)
    with (
        lock.hold(path, LockHolder.from_json({"operation": "promote", "person": "ann"}), 0),
        pytest.raises(RefusedError, match="promote by ann"),
    ):
        clean(disk, places, 5)
    assert disk.calls == 0


def test_takes_the_locks_while_it_removes(places: Paths) -> None:
    holders = []

    class Watching(FakeDisk):
        def remove(self, removal: Removal, settings: Settings, stacks: Sequence[Stack]) -> str:
            paths = [lock.lock_path("shop", env, places.locks) for env in ("staging", "production")]
            holders.append([getattr(lock.holder(path), "operation", None) for path in paths])
            return super().remove(removal, settings, stacks)

    clean(Watching(free=4 * GB, images=1), places, 5)
    assert holders == [["cleanup", "cleanup"]]


def test_within_a_deploy_its_own_lock_is_no_hindrance(places: Paths) -> None:
    path = lock.lock_path("shop", "staging", places.locks)
    with lock.hold(path, LockHolder.from_json({"operation": "deploy"}), 0):
        assert not clean(FakeDisk(free=2 * GB, images=9), places, 5, held=[path]).failed


def test_fresh_images_of_a_build_are_left_alone(places: Paths) -> None:
    disk = FakeDisk(free=2 * GB, images=3)
    assert clean(disk, places, 9, keep_images=["i0", "i1"]).failed
    assert [image.id for image in disk.left] == ["i0", "i1"]


def test_settings_are_those_of_the_host_unless_asked_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "cleanup.json"
    path.write_text(json.dumps({"free_gb": 7, "keep_releases": 9}))
    assert cleanup.read_settings(str(path), free_gb=None) == Settings(free_gb=7, keep_releases=9)
    assert cleanup.read_settings(str(path), free_gb=1.5).free_gb == 1.5
    path.write_text(json.dumps({"free_gigabytes": 7}))
    with pytest.raises(RefusedError, match="free_gigabytes"):
        cleanup.read_settings(str(path))


def test_only_what_apt_can_fetch_again_counts(tmp_path: Path) -> None:
    (tmp_path / "archives").mkdir()
    for name in ("archives/a.deb", "archives/lock", "pkgcache.bin", "other"):
        (tmp_path / name).write_bytes(b"x" * 5000)
    assert [Path(path).name for path in package_files(str(tmp_path))] == ["pkgcache.bin", "a.deb"]
    assert used(str(tmp_path)) >= 20000
