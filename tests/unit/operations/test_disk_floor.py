# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deploy makes room for itself: before the build when it is below the floor, after it with the new images kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from fakes.concurrency import one_by_one
from fakes.docker import HEALTHY
from fakes.stacks import ONE_WORKER
from fakes.world import World

from release.operations import disk_floor
from release.ports import Host
from release.process.journal import Journal
from release.releases.request import Request
from release.stack.model import Stack
from release.util.concurrency import TaskPool

GB = 1_000_000_000


class FakeRoom:
    def __init__(self) -> None:
        self.asked: list[tuple[float, tuple[str, ...]]] = []

    def make(
        self, host: Host, stack: Stack, environment: str, floor_gb: float, keep: tuple[str, ...], person: str
    ) -> str:
        self.asked.append((floor_gb, keep))
        return "cleanup: done"


@pytest.mark.parametrize(("free", "asked"), [(5 * GB, []), (5 * GB - 1, [(5.0, ("image",))])])
def test_a_build_makes_room_only_below_the_floor(world: World, free: int, asked: list[Any]) -> None:
    room, world.store.free = FakeRoom(), free
    host = dataclasses.replace(world.host, room=room)
    request = Request("deploy", "staging", person="ann", host="desk")
    journal = Journal(None, world.clock)
    disk_floor.after_build(host, ONE_WORKER, request, {"mail": "image"}, journal)
    assert room.asked == asked


FLOOR = 1_000_000_000


class Room:
    """Gives back what a test says, and remembers what it was asked to keep."""

    def __init__(self, world: World, gives: int) -> None:
        self.world, self.gives = world, gives
        self.kept: list[tuple[str, ...]] = []

    def make(
        self, host: Host, stack: Stack, environment: str, floor_gb: float, keep_images: Collection[str], person: str
    ) -> str:
        self.kept.append(tuple(keep_images))
        self.world.store.free += self.gives
        return "cleanup: done"


def deploy(directory: Path, free: int, gives: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Room, str, bool]:
    monkeypatch.setattr(TaskPool, "all", one_by_one)
    world = World(str(directory))
    world.store.free = free
    room = Room(world, gives)
    world.host = dataclasses.replace(world.host, room=room)
    world.commit({"api": HEALTHY})
    report = world.run("deploy")
    assert report is not None
    return room, str(report.problems), report.failed


def test_nothing_is_asked_for_while_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, _, failed = deploy(tmp_path, FLOOR, 0, monkeypatch)
    assert (room.kept, failed) == ([], False)


def test_room_is_made_before_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, _, failed = deploy(tmp_path, FLOOR // 2, FLOOR, monkeypatch)
    assert (room.kept, failed) == ([()], False)


def test_a_deploy_that_cannot_fit_says_so_before_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, problems, failed = deploy(tmp_path, FLOOR // 2, 0, monkeypatch)
    assert failed
    assert room.kept == [()]
    assert "0.5 GB free, the floor is 1 GB" in problems
