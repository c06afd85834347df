# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of promotes and rollbacks, and the reasons of refusals."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.world import World
from release.errors import Problem, RefusedError
from release.operations.observe import observe
from release.planning.promote import plan_promote
from release.planning.rollback import choose, plan_rollback
from release.releases.host_state import HostState
from release.releases.plan import Plan
from release.releases.request import Request


def planned_rollback(world: World, seen: HostState, request: Request) -> Plan:
    target = choose(world.stack, seen, request)
    then = world.store.release_env(world.stack, target.release.id)
    home = world.store.slot_compose_path(world.stack, request.environment, seen.idle_slot(request.environment))
    return plan_rollback(world.stack, seen, request, target, then, home.rpartition("/")[0])[0]


def refused_plan(world: World, operation: str, seen: HostState | None = None, **options: Any) -> list[Problem]:
    seen = seen or observe(world.host, world.stack)
    request = world.request(operation, **options)
    with pytest.raises(RefusedError) as caught:
        if operation == "promote":
            plan_promote(world.stack, seen, request)
        else:
            planned_rollback(world, seen, request)
    return list(caught.value.problems)
