# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What contradicts the addresses of a stack: hosts, routes, other environments, what the source may name."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Problem
from .canonical import host_of, path_of
from .drift import matching
from .edge_view import routes_in
from .model import App, Environment, Route, Stack


def check_canonical(stack: Stack, where: str, problems: list[Problem]) -> None:
    """Adds every contradiction."""
    for environment in stack.environments.values():
        place = f"{where}.environments.{environment.name}"
        problems += _unreached(stack, environment, place)
        problems += _taken(stack, environment, place)
        problems += _two_apps(stack, environment, where)
    problems += _shared(stack, where)
    for app in stack.apps.values():
        problems += _routes(stack, app, f"{where}.apps.{app.name}")
    problems += _dead(stack, where)
    problems += _origins(stack)


def _unreached(stack: Stack, environment: Environment, place: str) -> Iterator[Problem]:
    """A canonical address that nothing answers, or that only answers for a while."""
    for name, address in environment.canonical.items():
        at, host, path = f"{place}.canonical.{name}", host_of(address), path_of(address)
        routes = [
            (app, route, its) for app, route, its in routes_in(stack, environment) if _is_at(environment, its, host)
        ]
        if not routes:
            known = ", ".join(
                dict.fromkeys([*environment.hosts, *(its for _a, _r, its in routes_in(stack, environment) if its)])
            )
            what = f"{host} is no host name of this environment"
            yield Problem(what, at, f"add it to `hosts`, or give a route `canonical: {name}`; known: {known or 'none'}")
        elif environment.canonical_host and host in _lower(environment) and host != environment.canonical_host.lower():
            what = f"{host} is redirected to {environment.canonical_host}, its `canonical_host`"
            yield Problem(what, at, "make them the same")
        elif not (covering := [route for _app, route, _its in routes if _covers(route.path, path)]):
            paths = ", ".join(sorted({route.path for _app, route, _its in routes}))
            yield Problem(
                f"no route leads to {path} at {host}", at, f"correct the path, or add a route; there are {paths}"
            )
        elif all(route.until for route in covering):
            what = f"is only there until {covering[0].until}, and clients are told to use it"
            yield Problem(what, at, "take `until` from its route, or name an address that stays")


def _is_at(environment: Environment, host: str, wanted: str) -> bool:
    """Whether a route at a host, empty for the environment's own, is found under a name."""
    return host.lower() == wanted if host else not environment.hosts or bool(matching(wanted, _lower(environment)))


def _lower(environment: Environment) -> set[str]:
    return {host.lower() for host in environment.hosts}


def _covers(route: str, path: str) -> bool:
    return route in ("/", path) or path.startswith(f"{route}/")


def _taken(stack: Stack, environment: Environment, place: str) -> Iterator[Problem]:
    """Earlier names that have a site of their own."""
    hosts = _lower(environment) | {host.lower() for _app, _route, host in routes_in(stack, environment)}
    for host in environment.redirects:
        if host in hosts:
            what = "answers by itself: it is one of `hosts`, or of a route"
            yield Problem(what, f"{place}.redirects.{host}", "remove it there, or here")
        elif environment.redirects and not environment.hosts:
            what = "is redirected, and this environment takes every host name"
            yield Problem(what, f"{place}.redirects.{host}", "give the environment `hosts`")


def _two_apps(stack: Stack, environment: Environment, where: str) -> Iterator[Problem]:
    """Routes that are the same once addresses have become host names."""
    seen: dict[tuple[str, str], tuple[App, Route]] = {}
    for app, route, host in routes_in(stack, environment):
        other, its = seen.setdefault((host, route.path), (app, route))
        if (other, its) != (app, route) and (route.canonical or its.canonical):
            what = f"route {host}{route.path} of {environment.name} is already taken by app {other.name}"
            yield Problem(what, f"{where}.apps.{app.name}", "give one of them another path or address")


def _shared(stack: Stack, where: str) -> Iterator[Problem]:
    taken: dict[str, str] = {}
    for environment in stack.environments.values():
        for name, address in environment.canonical.items():
            place = f"environments.{environment.name}.canonical.{name}"
            other = taken.setdefault(address.lower(), place)
            if other.split(".")[1] != environment.name:
                fix = "no two environments have one address: give each its own"
                yield Problem(f"is {other} too", f"{where}.{place}", fix)


def _routes(stack: Stack, app: App, place: str) -> Iterator[Problem]:
    for number, route in enumerate(app.routes):
        at = f"{place}.routes[{number}]"
        for environment in stack.environments.values() if route.canonical else ():
            if route.canonical not in environment.canonical:
                known = ", ".join(environment.canonical) or "none"
                what = f"{route.canonical!r} is no canonical address of {environment.name}"
                yield Problem(
                    what, f"{at}.canonical", f"add it to environments.{environment.name}.canonical; known: {known}"
                )
    if app.routes and all(route.until for route in app.routes):
        what = "has only routes that end, so one day nothing leads to it"
        yield Problem(
            what, f"{place}.routes", "give it a route without `until`, or remove the app when the day has come"
        )


def _dead(stack: Stack, where: str) -> Iterator[Problem]:
    names = stack.drift.dead if stack.drift else {}
    for environment in stack.environments.values():
        for name, address in environment.canonical.items():
            if dead := matching(host_of(address), names):
                what = f"is the address {name} of {environment.name}, too"
                yield Problem(what, f"{where}.drift.dead.{dead}", "remove one of them")


def _origins(stack: Stack) -> Iterator[Problem]:
    """Endpoints that take the origins of the environments, and refuse one of them."""
    for endpoint in stack.endpoints:
        for name, environment in stack.environments.items():
            cors = endpoint.cors
            if cors is None or cors.allowed or name not in endpoint.hosts:
                continue
            for origin in (one for one in cors.refused if one.lower() in environment.origins):
                what = f"{origin!r} is one of the `origins` of {name}"
                yield Problem(what, f"{endpoint.where}.cors.refused", "remove it from one of them")
