# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that every operation shares, before anything changes; reports all problems at once."""

from __future__ import annotations

from ..env.env_file import parse_env
from ..errors import Problem
from ..hints import hint
from ..paths import env_of, keys_of
from ..releases.host_state import HostState
from ..releases.reach import Side, reach_of, usurped
from ..releases.release import Release
from ..releases.request import Request
from ..releases.slot import day_of, stack_of
from ..stack.model import EnvironmentName, Slot, Stack

PROVISION = hint("provision")


def check_apps(stack: Stack, request: Request) -> list[Problem]:
    return [
        Problem(f"{name!r} is not an app of stack {stack.name}", "apps", "choose from " + ", ".join(stack.apps))
        for name in request.apps
        if name not in stack.apps
    ]


def check_config(stack: Stack, state: HostState, environment: EnvironmentName) -> list[Problem]:
    """Env files and keys must be on the host before an app is started with them."""
    problems = [
        Problem("env file is missing", f"{env_of(stack.name)}/{layer}", PROVISION)
        for layer, data in state.env[environment].items()
        if data is None
    ]
    problems += [
        Problem("key file is missing", f"{keys_of(stack.name)}/{name}", PROVISION)
        for name, known in state.keys.items()
        if known is None
    ]
    return problems + check_databases(stack, state, environment)


def check_databases(stack: Stack, state: HostState, environment: EnvironmentName) -> list[Problem]:
    """The databases of the host must have been made, so that apps get their addresses."""
    wanted = [one for one in stack.databases_in(environment).values() if one.is_here]
    known = parse_env(state.env[environment].get(environment) or b"") if wanted else {}
    return [
        Problem(f"database {one.name} of {environment} has not been made", f"stack {stack.name}", PROVISION)
        for one in wanted
        if any(name not in known for name in one.secrets)
    ]


def check_ports(stack: Stack, release: Release, slot: Slot, state: HostState) -> list[Problem]:
    """The host's ports of a release must not be those of something that is live and stays, or answers meanwhile."""
    environment = release.environment
    day = stack_of(release, stack)
    new = Side(day, tuple(release.services), reach_of(day, release.services, environment, slot))
    taken, live = state.taken.get(environment, {}), state.live_entry(environment)
    holders = {app: taken[at.port] for app, at in new.reach.items() if at.port in taken}
    if live is not None:
        before = day_of(live.release, stack)
        apps = tuple(name for name in live.release.services if name in before.apps)
        reach = {name: at for name, at in state.reached(environment).items() if name in apps}
        others = usurped(new, Side(before, apps, reach))
        holders |= {app: f"{other} of {stack.name} {environment}" for app, other in others.items()}
    return [
        Problem(
            f"port {new.reach[app].port} of app {app} is still that of {holder}, which is live",
            f"stack {release.stack}, {environment} {slot}",
            f"give {app} another `loopback_port`, or bring a release live first that leaves the port",
        )
        for app, holder in holders.items()
    ]


def selected(stack: Stack, request: Request) -> tuple[str, ...]:
    """The apps of an operation: those asked for, with those that run the same images; or all."""
    return stack.with_image_of(request.apps) or tuple(stack.apps)


def check_left_behind(stack: Stack, state: HostState, request: Request) -> list[Problem]:
    """Before anything is built: apps that are to stay as they are cannot run an image that is replaced. That is so
    where the inventory has given them another one since."""
    live, mine = state.live_entry(request.environment), selected(stack, request)
    then = live.release.definition.get("apps", {}) if live else {}
    return [
        _of_two_images(name, other, "another one")
        for name in stack.apps
        if name not in mine and (other := then.get(name, {}).get("image_of")) in mine
    ]


def check_images(release: Release) -> list[Problem]:
    """Apps of one image have the same in a release, whatever it takes over from the one before."""
    then = release.definition.get("apps", {})
    return [
        _of_two_images(name, other, "another one" if other in release.images else "none")
        for name, image in release.images.items()
        if (other := then.get(name, {}).get("image_of")) and release.images.get(other) != image
    ]


def _of_two_images(name: str, other: str, has: str) -> Problem:
    return Problem(
        f"runs the image of {other}, which would have {has} in this release",
        f"app {name}",
        f"do it with both of them, or leave `apps` out; if that is refused too, first {hint('deploy_staging')}",
    )
