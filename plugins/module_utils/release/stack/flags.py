# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feature flags: what an app reads, which routes are closed, what differs from the defaults."""

from __future__ import annotations

from typing import TypedDict

from ..errors import Problem, RefusedError
from .model import EnvironmentName, Stack


class FlagSetting(TypedDict):
    """What a flag was set to, by whom, why, and when (UTC), as turned.json on the host stores it."""

    on: bool
    person: str
    reason: str
    at: str


class FlagChange(FlagSetting):
    """One line of a flag's history."""

    flag: str


#: Flags that were ever set in an environment, by name.
State = dict[str, FlagSetting]


def values(stack: Stack, app: str, overrides: State) -> dict[str, bool]:
    """What an app reads: its defaults, with the overrides."""
    return {
        name: bool(overrides[name]["on"]) if name in overrides else flag.default
        for name, flag in stack.apps[app].flags.items()
    }


def closed(stack: Stack, known: State) -> dict[str, str]:
    """The routes of flags that are off, as the router looks them up, each with its flag. An app that has one also has
    the entry `<app>:`, for paths that are not spelled as they are meant: the router refuses those to it."""
    off = [
        (app.name, flag.route, name)
        for app in stack.apps.values()
        for name, flag in app.flags.items()
        if flag.route and not values(stack, app.name, known)[name]
    ]
    routes = {f"{app}{route.lower().rstrip('/')}/": name for app, route, name in off}
    return routes | {f"{row[0]}:": "closed" for row in off}


def who_has(stack: Stack, flag: str) -> list[str]:
    """The apps that declare a flag. Raises RefusedError if there are none."""
    apps = [app.name for app in stack.apps.values() if flag in app.flags]
    if not apps:
        known = sorted({name for app in stack.apps.values() for name in app.flags})
        fix = "choose from " + ", ".join(known) if known else "declare it: apps.<app>.flags"
        raise RefusedError([Problem(f"no app declares the flag {flag!r}", f"stack {stack.name}", fix)])
    return apps


def lines(stack: Stack, environment: EnvironmentName, known: State) -> list[str]:
    """Flags that differ from the author's defaults, and closed routes, for status."""
    defaults = {name: flag.default for app in stack.apps.values() for name, flag in app.flags.items()}
    shut = [
        f"{environment} {app.flags[name].route} answers 503 ({app.name}): flag {name} is off"
        for app in stack.apps.values()
        for name in app.flags
        if app.flags[name].route and not values(stack, app.name, known)[name]
    ]
    return shut + [
        f"{environment} flag {name} is {'on' if item['on'] else 'OFF'} since {item['at']} by {item['person']} "
        f"{item['reason']}".rstrip()
        for name, item in sorted(known.items())
        if name in defaults and bool(item["on"]) != defaults[name]
    ]
