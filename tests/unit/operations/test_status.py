# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status says of what is live, whatever the inventory has become since."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from fakes.docker import HEALTHY
from fakes.stacks import shop_with_processes
from fakes.world import World

from release.operations.status import status
from release.rendering.status import status_lines


def test_ports_are_those_of_the_live_release(world: World) -> None:
    world.ship()
    was = world.stack.environments["production"]
    changed = {**world.stack.environments, "production": dataclasses.replace(was, ports=(9000,))}
    world.stack = dataclasses.replace(world.stack, environments=changed)
    assert status(world.host, world.stack).environments["production"].ports == was.ports
    world.ship(api=HEALTHY)
    assert status(world.host, world.stack).environments["production"].ports == (9000,)


def test_whose_image_it_is(one_by_one: None, tmp_path: Path) -> None:
    world = World(str(tmp_path), shop_with_processes())
    world.good("deploy")
    apps = status(world.host, world.stack).environments["staging"].apps
    assert {name: app.image_of for name, app in apps.items()} == {"api": "", "front": "", "mail": "", "jobs": "api"}
    assert apps["jobs"].image == apps["api"].image != ""
    lines = status_lines(status(world.host, world.stack))
    (line,) = [line for line in lines if line.startswith("   jobs ")]
    assert f"{apps['api'].image} of api" in line
