# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving the stacks of a host that an earlier version provisioned."""

from __future__ import annotations

import errno

import pytest
from fakes.home import FakeHome
from fakes.world import World

from release.operations import layout
from release.process import lock
from release.releases.lock_holder import LockHolder

WHO = LockHolder.from_json({"operation": "provision", "person": "ann", "host": "desk"})


@pytest.fixture
def home(world: World) -> FakeHome:
    home = world.host.home
    assert isinstance(home, FakeHome)
    home.elsewhere = {"shop"}
    return home


def test_what_is_elsewhere_is_moved_once(world: World, home: FakeHome) -> None:
    assert layout.outdated(world.host) == ["shop"]
    assert layout.move(world.host, "shop", WHO) == []
    assert layout.outdated(world.host) == []


def test_what_was_set_aside_is_told(world: World, home: FakeHome) -> None:
    home.set_aside = ["/state/shop/rejected/releases-1"]
    [told] = layout.move(world.host, "shop", WHO)
    assert "was not written by root" in told and told.endswith("/state/shop/rejected/releases-1")


def test_a_failure_is_told_and_stops_no_other_stack(world: World, home: FakeHome) -> None:
    home.fails = OSError(errno.ENOSPC, "No space left on device", "/state/shop")
    assert layout.move(world.host, "shop", WHO) == ["stack shop was not moved: /state/shop: No space left on device"]
    assert layout.outdated(world.host) == ["shop"]


def test_not_while_an_operation_is_running(world: World, home: FakeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "LOCK_SECONDS", 0.0)
    with lock.hold(lock.lock_path("shop", "production", world.paths.locks), WHO, 0):
        [told] = layout.move(world.host, "shop", WHO)
    assert told.startswith("stack shop was not moved: lock shop-production.lock: busy")
    assert layout.outdated(world.host) == ["shop"]
