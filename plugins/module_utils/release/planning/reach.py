# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What provisioning must leave in place for releases that are live or can be again, and what the next one changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import Problem
from ..releases.history import newest_first
from ..releases.reach import Side
from ..releases.release import Entry
from ..releases.slot import day_of
from ..stack.canonical import Former
from ..stack.model import App, EnvironmentName, Route, Stack

#: By what visitors and the router reach an app.
OF_APPS = ("kind", "port", "loopback_port", "replace", "timeout_seconds", "body_limit")
OF_ENVIRONMENTS = ("ports", "hosts", "canonical_host", "canonical", "redirects", "origins")


@dataclass(frozen=True)
class Kept:
    """What the releases of an environment need: web apps with their longest timeouts, and public ports of http."""

    apps: dict[str, int]
    ports: tuple[int, ...]


def kept(stack: Stack, entries: Iterable[Entry], environment: EnvironmentName) -> Kept:
    """Of every release that is live, or that somebody can roll back to."""
    apps: dict[str, int] = {}
    ports: set[int] = set()
    for entry in newest_first(entries, environment):
        if entry.status == "failed":
            continue
        day = day_of(entry.release, stack)
        ports.update(day.environments[environment].ports)
        for app in day.web_apps:
            if app.name in entry.release.services:
                apps[app.name] = max(apps.get(app.name, 0), app.timeout_seconds)
    return Kept(apps, tuple(sorted(ports)))


def next_changes(live: Side, today: Stack, environment: EnvironmentName) -> list[str]:
    """What the next release changes of how the live one is reached: one line for each change."""
    where = f"{today.name} {environment}"
    was, will = live.stack.environments[environment], today.environments[environment]
    lines = [
        f"{where}: {name} {_shown(before)} -> {_shown(after)}"
        for name in OF_ENVIRONMENTS
        if (before := getattr(was, name)) != (after := getattr(will, name))
    ]
    lines += [f"{where}: app {name} is taken out" for name in live.apps if name not in today.apps]
    lines += [f"{where}: app {name} is added" for name in today.apps if name not in live.apps]
    for name in live.apps:
        if name in today.apps:
            changes = _changes(live.stack.apps[name], today.apps[name])
            lines += [f"{where}: app {name}: {change}" for change in changes]
    return lines


def _changes(was: App, will: App) -> Iterator[str]:
    for name in OF_APPS:
        before, after = getattr(was, name), getattr(will, name)
        if before != after:
            yield f"{name} {_shown(before)} -> {_shown(after)}"
    if set(was.routes) != set(will.routes):
        yield f"routes {_routes(was.routes)} -> {_routes(will.routes)}"


def _routes(routes: Iterable[Route]) -> str:
    return _shown(tuple(sorted(map(_route, routes))))


def _route(route: Route) -> str:
    at = f"canonical.{route.canonical} " if route.canonical else route.host
    until = f" until {route.until}" if route.until else ""
    return f"{at}{route.path}{' (stripped)' if route.strip_path else ''}{until}"


def _former(former: Former) -> str:
    return f"to {former.to}" + (f" until {former.until}" if former.until else "")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        value = tuple(f"{name} {_former(its) if isinstance(its, Former) else its}" for name, its in value.items())
    return ", ".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value) or "none"


def http_and_tls(stack: Stack, live: Side, environment: EnvironmentName, encrypted: dict[int, str]) -> list[Problem]:
    """A port cannot speak http for the live release and TLS for everybody else. `encrypted` are today's ports of TLS,
    each with its environment."""
    return [
        Problem(
            f"port {port} becomes the TLS port of {encrypted[port]}, but the live release answers there by http",
            f"stack {stack.name}, {environment}",
            "take it out of `ports` first, release that, and then give it to `tls`",
        )
        for port in live.stack.environments[environment].ports
        if port in encrypted
    ]
