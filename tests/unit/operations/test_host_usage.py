# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stacks need of the disk."""

from __future__ import annotations

from fakes.docker import HEALTHY
from fakes.world import World

from release.operations import host_usage


def test_a_host_is_looked_at_with_its_stacks(world: World) -> None:
    _staging, production = world.ship()
    seen = host_usage.observe(world.host, [world.stack])
    assert (seen.free, seen.stacks[0].live["production"]) == (world.disk.free, production)


def test_what_an_interrupted_operation_needs_is_seen(world: World) -> None:
    world.ship()
    quiet = host_usage.observe_stack(world.host, world.stack)
    assert (quiet.unfinished, quiet.needed_images, len(quiet.journals)) == (frozenset(), frozenset(), 2)
    world.commit({"api": HEALTHY})
    world.good("deploy")
    was = quiet.live["production"]
    # Killed in the middle: its plan names both releases, and the images and tags of both.
    world.faults.kill_at(12)
    assert world.run("promote") is None
    world.revive()
    seen = host_usage.observe_stack(world.host, world.stack)
    assert was in seen.unfinished and len(seen.unfinished) == 2
    assert seen.needed_images >= {world.tag("api", "staging"), world.tag("mail", "staging")}
