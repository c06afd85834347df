# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that every operation shares, before anything changes; reports all problems at once."""

from __future__ import annotations

from ..errors import Problem
from ..hints import hint
from ..paths import env_of, keys_of
from ..releases.host_state import HostState
from ..releases.request import Request
from ..stack.model import EnvironmentName, Stack

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
    return problems


def selected(stack: Stack, request: Request) -> tuple[str, ...]:
    """The apps of an operation: those asked for, or all."""
    return request.apps or tuple(stack.apps)
