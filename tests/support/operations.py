# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of several operations ask."""

from __future__ import annotations

from typing import Any

from fakes.stacks import changed_stack
from fakes.world import World


def problems(world: World, operation: str, **options: Any) -> list[str]:
    before = dict(world.router.does), dict(world.docker.tags), len(world.docker.boxes)
    report = world.run(operation, **options)
    assert report and report.failed and not report.changed and report.message == "refused, nothing was changed"
    assert (dict(world.router.does), dict(world.docker.tags), len(world.docker.boxes)) == before
    return [f"{p['where']}: {p['what']}" for p in report.problems]


def restarted(world: World, **changes: dict[str, Any]) -> None:
    world.stack = changed_stack(world, **changes)
