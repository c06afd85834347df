# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All maps that HAProxy needs to start, whatever kind they are of."""

from __future__ import annotations

import pytest
from fakes.world import World

from release.operations import flags, maintenance_state, reach, router_maps, witnesses

KINDS = (witnesses, reach, flags, maintenance_state)


def test_a_stack_that_has_them_needs_none(world: World) -> None:
    world.ship()
    assert router_maps.provide(world.host, "shop", world.stack, write=False) == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_made_anew(world: World, kind: object, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def lost(*_of: object, write: bool) -> list[str]:
        asked.append(write)
        return ["production: lost"]

    world.ship()
    monkeypatch.setattr(kind, "provide_maps", lost)
    assert router_maps.provide(world.host, "shop", world.stack) == ["production: lost"]
    assert router_maps.provide(world.host, "shop", None, write=False) == ["production: lost"]
    assert asked == [True, False]
