# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the router has what is recorded of a maintenance, and giving it that."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import RefusedError
from ..hints import hint
from ..planning import maintenance as plan
from ..ports import Host
from ..stack.maintenance import Maintenance, router_maps
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from . import flags


def lines(host: Host, stack: Stack, environment: EnvironmentName) -> list[str]:
    """What is closed now, for status and reports."""
    try:
        known = plan.lasting(host.maintenance.recorded(stack.name, environment), host.clock.now())
    except RefusedError as refused:
        return [f"{environment}, maintenance: {problem}" for problem in refused.problems]
    if known and not is_applied(host, stack, environment, known):
        lost = f"the router (HAProxy) does not have it. Fix: {hint('recover')}"
        return [f"{plan.line(environment, one)}; {lost}" for one in known]
    return [plan.line(environment, one) for one in known]


def provide_maps(host: Host, name: str, stack: Stack | None, *, write: bool = True) -> list[str]:
    """Make maps anew that are missing, without which HAProxy does not start. Returns the environments."""
    made = []
    for environment in ENVIRONMENTS:
        if not host.maintenance.lacks_maps(name, environment):
            continue
        made.append(f"{environment}: maintenance")
        if write:
            try:
                known = host.maintenance.recorded(name, environment)
            except RefusedError:
                known = []  # HAProxy starts for all stacks or for none; status tells what is damaged
            stacks = flags.defining(host, stack, environment) if stack else []
            host.maintenance.set_maps(name, environment, *router_maps(known, _web_apps(stacks)), must_run=False)
    return made


def _web_apps(stacks: Sequence[Stack]) -> dict[str, list[str]]:
    """The web apps with the paths of their routes."""
    found: dict[str, list[str]] = {}
    for app in (app for stack in stacks for app in stack.web_apps):
        found.setdefault(app.name, []).extend(route.path for route in app.routes)
    return found


def wanted(
    host: Host, stack: Stack, environment: EnvironmentName, known: Sequence[Maintenance]
) -> tuple[dict[str, str], dict[str, str]]:
    return router_maps(known, _web_apps(flags.defining(host, stack, environment)))


def is_applied(host: Host, stack: Stack, environment: EnvironmentName, known: Sequence[Maintenance]) -> bool:
    closed, allowed = host.maintenance.maps(stack.name, environment)
    needed, let_through = wanted(host, stack, environment, known)
    # What is over may still stand there.
    return all(closed.get(key, "").split("/")[0] == value.split("/")[0] for key, value in needed.items()) and (
        not known or set(let_through) <= set(allowed)
    )


def apply(
    host: Host, stack: Stack, environment: EnvironmentName, known: Sequence[Maintenance], *, must_run: bool = True
) -> None:
    host.maintenance.set_maps(stack.name, environment, *wanted(host, stack, environment, known), must_run=must_run)
    if known:
        left = min(one.until for one in known) - host.clock.now()
        host.maintenance.arm(stack.name, environment, max(1.0, left))
    else:
        host.maintenance.disarm(stack.name, environment)
