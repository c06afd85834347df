# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status page is written where the edge reads it."""

from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path

import pytest
from fakes.world import World
from support.page_reader import Reader

from release.adapters import systemd_page
from release.operations import page_writer


@pytest.fixture
def home(world: World) -> Path:
    unit = systemd_page.PageUnit(world.paths.state)
    world.host = dataclasses.replace(world.host, page=unit)
    path = Path(unit.directory("shop"))
    path.mkdir(parents=True)
    return path


def write(world: World) -> list[str]:
    return page_writer.write_all(world.host, [world.stack])


def test_written_for_the_edge_alone(world: World, home: Path) -> None:
    world.ship()
    assert write(world) == []
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {
        "index.html": 0o640,
        "status.json": 0o640,
    }
    assert "shop" in Reader((home / "index.html").read_text()).text
    assert json.loads((home / "status.json").read_text())["disk"]["free"] == world.disk.free
    assert len(world.store.samples) == 1


def test_no_directory_no_page(world: World) -> None:
    world.disk.trouble = "connection refused"
    assert write(world) == []
    assert not Path(world.paths.state).exists()


def test_no_value_of_a_secret_is_shown(world: World, home: Path) -> None:
    world.ship()
    world.rotate_secret()
    world.ship()
    assert write(world) == []
    for path in home.iterdir():
        assert "db://" not in path.read_text(), path.name
        assert "DATABASE_URL" in path.read_text(), "its name is told: a rollback keeps today's value"


def test_trouble_is_shown_and_told(world: World, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world.disk.trouble = "connection refused"
    assert write(world) == ["docker.sock: Docker does not answer: connection refused."]
    assert "connection refused" in (home / "index.html").read_text()
    world.disk.trouble = ""

    def gone(*_arguments: object) -> None:
        raise OSError("HAProxy is away")

    monkeypatch.setattr(world.router, "file", gone)
    assert write(world) == ["shop: HAProxy is away"]
    assert "HAProxy is away" in (home / "index.html").read_text()


def test_a_full_disk_takes_no_sample_and_no_page(world: World, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    world.store.free = 0
    assert [problem.split(": ")[1] for problem in write(world)] == ["[Errno 28] No space left on device"]
    assert "Nothing has been released yet" in (home / "index.html").read_text()
    monkeypatch.setattr(systemd_page, "write_atomically", full)
    assert len(write(world)) == 3
    world.disk.trouble = "connection refused"
    assert len(write(world)) == 2
