# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses are given once, and are those of the next slot."""

from __future__ import annotations

import pytest
from fakes.world import World

from release.errors import RefusedError
from release.operations.networks import Provided, provide
from release.planning.networks import USUAL_POOLS, Route
from release.process import lock


def given(world: World, stack: str = "shop", pool: str = USUAL_POOLS[0], *, write: bool = True) -> Provided:
    who = lock.this_process("provision", "ann", "vm", 0)
    return provide(world.host, stack, pool, who, write=write)


def test_blocks_are_given_once(world: World) -> None:
    first = {"staging": "172.16.224.0/26", "production": "172.16.224.64/26"}
    assert given(world, write=False) == (first, True, []) and world.store.blocks == {}
    assert given(world) == (first, True, [])
    assert given(world) == given(world, write=False) == (first, False, [])
    assert given(world, "blog").blocks == {"staging": "172.16.224.128/26", "production": "172.16.224.192/26"}
    assert world.store.blocks["shop"] == first
    world.machine.ways = [Route("172.16.224.0/24", "wg0")]
    assert len(given(world).notes) == 2
    with pytest.raises(RefusedError, match="is no network"):
        given(world, pool="none")


def test_a_slot_is_made_with_its_addresses(world: World) -> None:
    """What runs keeps its own until a release replaces it."""
    world.ship()
    assert "networks" not in world.store.slot_compose("shop", "production", "blue")
    given(world)
    assert "networks" not in world.store.slot_compose("shop", "production", "blue")
    world.ship(api="healthy")
    network = world.store.slot_compose("shop", "production", "green")["networks"]["default"]
    assert network["ipam"] == {"config": [{"subnet": "172.16.224.96/27"}]}
