# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One environment of a stack as the edge serves it: each route under its host name, and what ends when."""

from __future__ import annotations

from typing import Any

from .canonical import before, moment_of, origin_of
from .model import App, Environment, Route, Stack


def routes_in(stack: Stack, environment: Environment) -> list[tuple[App, Route, str]]:
    """Every route, and its host name here; empty for the environment's own. Where an app has a route twice, as a
    canonical address that stays and as the same that ends, it stays."""
    found: dict[tuple[str, str, str, bool], tuple[App, Route, str]] = {}
    for app in stack.web_apps:
        for route in app.routes:
            host = environment.host_of(route)
            key = (app.name, host, route.path, route.strip_path)
            if key not in found or (found[key][1].until and not route.until):
                found[key] = (app, route, host)
    return list(found.values())


def hosts_in(stack: Stack, environment: Environment) -> list[str]:
    """Every host name that the environment answers for; empty if it answers for any name."""
    routes = {host for _app, _route, host in routes_in(stack, environment) if host}
    return sorted({*environment.hosts, *routes, *environment.redirects})


def edge_view(stack: Stack, environment: Environment) -> dict[str, Any]:
    """What the edge's templates need: `routes` with their app and host name, `former` host names, each with where it
    leads, `ends` with a pattern for each moment, `origins`, and all `hosts`."""
    routes = [
        {
            "app": app.name,
            "path": route.path,
            "host": host,
            "strip_path": route.strip_path,
            "ends": moment_of(route.until) if route.until else 0,
        }
        for app, route, host in routes_in(stack, environment)
    ]
    former = [
        {
            "host": host,
            "to": origin_of(environment.canonical[its.to]),
            "ends": moment_of(its.until) if its.until else 0,
        }
        for host, its in sorted(environment.redirects.items())
    ]
    days = (
        *(route.until for _app, route, _host in routes_in(stack, environment)),
        *(its.until for its in environment.redirects.values()),
    )
    moments = sorted({moment_of(until) for until in days if until})
    return {
        "routes": routes,
        "former": former,
        "ends": {str(moment): before(moment) for moment in moments},
        "origins": list(environment.origins),
        "hosts": hosts_in(stack, environment),
    }
