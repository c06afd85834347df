# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status says of what is live, whatever the inventory has become since."""

from __future__ import annotations

import dataclasses

from fakes.docker import HEALTHY
from fakes.world import World

from release.operations.status import status


def test_ports_are_those_of_the_live_release(world: World) -> None:
    world.ship()
    was = world.stack.environments["production"]
    changed = {**world.stack.environments, "production": dataclasses.replace(was, ports=(9000,))}
    world.stack = dataclasses.replace(world.stack, environments=changed)
    assert status(world.host, world.stack).environments["production"].ports == was.ports
    world.ship(api=HEALTHY)
    assert status(world.host, world.stack).environments["production"].ports == (9000,)
