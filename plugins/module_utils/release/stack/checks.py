# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks across fields and stacks: duplicate routes and ports, impossible start orders, conflicts between stacks."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..errors import Problem
from ..util.lazy import lazy_part
from . import replicas
from .edge_view import routes_in
from .jobs import check_jobs
from .model import ENVIRONMENTS, PORT_BLOCK, App, Route, Stack, socket_path, start_order
from .networks import MOST_APPS

if TYPE_CHECKING:
    from . import migrate
else:
    migrate = lazy_part(".migrate", __package__)

#: Linux limits a unix socket's path to 107 bytes (unix(7)).
SOCKET_PATH_LIMIT = 107


def check_apps_of(stack: Stack, where: str, problems: list[Problem]) -> None:
    """Checks across the apps of one stack: duplicate routes and ports, impossible start orders, keys without a pair."""
    routes: dict[tuple[str, str], str] = {}
    for app in stack.apps.values():
        place = f"{where}.apps.{app.name}"
        for route in app.routes:
            # The same address for good and until a day are two routes, of which one is enough where they meet.
            key = (f"{route.canonical}:" if route.canonical else route.host, route.path)
            taken = routes.setdefault(key, app.name)
            if taken != app.name or sum((r.path, r.host, r.canonical) == _place(route) for r in app.routes) > 1:
                shown = f"{route.host}{route.path}"
                problems.append(
                    Problem(
                        f"route {shown} is already taken by app {taken}", place, "give one of them another path or host"
                    )
                )
        if app.image_of:
            problems.extend(_image_problems(stack, app, place))
        if app.keys != "none" and stack.keys is None:
            problems.append(
                Problem(
                    f"wants its {app.keys} key, but the stack has no `keys`",
                    place,
                    "add `keys: {mount: ...}` to the stack",
                )
            )
        problems.extend(
            Problem(
                f"build secret {name} is no secret of the env matrix",
                place,
                f"add it to `env_matrix`: `{name}: {{class: secret}}`",
            )
            for name in stack.build_secrets_of(app)
            if name not in stack.env_matrix or not stack.env_matrix[name].is_secret
        )
        known = "known: " + ", ".join(stack.apps)
        problems.extend(
            Problem(f"starts after {name!r}, which is not an app of this stack", place, known)
            for name in app.after
            if name not in stack.apps
        )
        if len(socket_path(stack.name, "production", app.name)) > SOCKET_PATH_LIMIT:
            problems.append(
                Problem(
                    "the names of stack and app together are too long for a unix socket", place, "shorten one of them"
                )
            )
    _check_beside(stack, where, problems)
    problems.extend(check_jobs(stack, where))
    if stack.migrations:
        problems.extend(migrate.check_migrations(stack.migrations, where))
    problems.extend(_port_problems([(where, app) for app in stack.apps.values()]))
    problems.extend(replicas.check(stack, where))
    problems.extend(address_problems(stack, where))
    try:
        start_order(stack.apps)
    except ValueError as error:
        problems.append(Problem(str(error), f"{where}.apps", "break the cycle in `after`"))


def _place(route: Route) -> tuple[str, str, str]:
    return route.path, route.host, route.canonical


def address_problems(stack: Stack, where: str, counts: Mapping[str, int] | None = None) -> list[Problem]:
    """What is wrong if the containers of a slot, with these numbers of replicas, are more than its addresses."""
    most = max(len(stack.services_in(environment)) for environment in ENVIRONMENTS)
    number = replicas.containers(stack, counts or {})
    if number + most <= MOST_APPS:
        return []
    also = f" and {most} services" if most else ""
    more = f" with {number} containers" if number > len(stack.apps) else ""
    what = f"{len(stack.apps)} apps{more}{also}, but the network of a slot has addresses for {MOST_APPS}"
    return [Problem(what, f"{where}.apps", "fewer replicas, or two stacks" if more else "make it two stacks")]


def _image_problems(stack: Stack, app: App, place: str) -> list[Problem]:
    """What is wrong with the app whose image this one runs: it has to be one that is built."""
    own = [other.name for other in stack.apps.values() if not other.image_of]
    choose = f"name one that has an image of its own: {', '.join(own) or 'none has, so give one a `context`'}"
    other = stack.apps.get(app.image_of)
    if other is None:
        return [Problem(f"{app.image_of!r} is not an app of this stack", f"{place}.image_of", choose)]
    if other is app:
        return [Problem("names the app itself", f"{place}.image_of", "remove it, or name another app")]
    if other.image_of:
        what = f"{other.name} has no image of its own: it runs that of {other.image_of}"
        return [Problem(what, f"{place}.image_of", choose)]
    return []


def _check_beside(stack: Stack, where: str, problems: list[Problem]) -> None:
    """Checks across services, volumes and apps: names that are taken, unknown volumes, impossible start orders."""
    for name, service in stack.services.items():
        place = f"{where}.services.{name}"
        if name in stack.apps:
            what = "is an app's name too, and apps could not tell which of them answers to it"
            problems.append(Problem(what, place, "rename the service or the app"))
        problems.extend(
            Problem(f"starts after {other!r}, which is not a service of this stack", place, _known(stack.services))
            for other in service.after
            if other not in stack.services
        )
        problems.extend(
            Problem(f"starts after {other}, which is not in {environment}", place, "give both the same `environments`")
            for other in service.after
            for environment in service.environments
            if other in stack.services and environment not in stack.services[other].environments
        )
    mounts = {f"{where}.services.{name}": service.volumes for name, service in stack.services.items()}
    mounts |= {f"{where}.apps.{name}": app.volumes for name, app in stack.apps.items()}
    problems.extend(
        Problem(
            f"mounts the volume {volume!r}, which the stack does not have",
            place,
            f"add `volumes: {{{volume}: {{user: <its numeric user>}}}}` to the stack; {_known(stack.volumes)}",
        )
        for place, mounted in mounts.items()
        for volume in mounted
        if volume not in stack.volumes
    )
    try:
        start_order(stack.services, "services")
    except ValueError as error:
        problems.append(Problem(str(error), f"{where}.services", "break the cycle in `after`"))


def _known(names: Iterable[str]) -> str:
    return "known: " + (", ".join(names) or "none")


def _port_problems(apps: Iterable[tuple[str, App]]) -> list[Problem]:
    problems = []
    placed = sorted(
        ((app.loopback_port, place, app) for place, app in apps if app.loopback_port), key=lambda item: item[:2]
    )
    for (first, first_place, first_app), (second, place, app) in itertools.pairwise(placed):
        if second < first + PORT_BLOCK:
            problems.append(
                Problem(
                    f"loopback_port {second} overlaps the ports {first} to {first + PORT_BLOCK - 1} "
                    f"of {first_place}.apps.{first_app.name}",
                    f"{place}.apps.{app.name}",
                    f"each app has a block of {PORT_BLOCK}: use {first + PORT_BLOCK} or more",
                )
            )
    return problems


def check_ports(stacks: Iterable[Stack], taken: Mapping[int, str]) -> list[Problem]:
    """Ports of the edge and loopback blocks that meet each other, or a port of another part of the host."""
    stacks = list(stacks)
    problems: list[Problem] = []
    blocks = [(f"stack {stack.name}.apps.{app.name}", app) for stack in stacks for app in stack.apps.values()]
    blocks = [(place, app) for place, app in blocks if app.loopback_port]
    for place, app in blocks:
        block = range(app.loopback_port, app.loopback_port + PORT_BLOCK)
        problems += [
            Problem(
                f"loopback_port {app.loopback_port}: port {port} of its block is {use}'s",
                place,
                f"each app has a block of {PORT_BLOCK} ports; choose another",
            )
            for port, use in taken.items()
            if port in block
        ]
    for stack in stacks:
        for environment in stack.environments.values():
            where = f"stack {stack.name}.environments.{environment.name}"
            for port, _encrypted in environment.listeners:
                uses = [taken[port]] if port in taken else []
                uses += [
                    f"the loopback block of {place}"
                    for place, app in blocks
                    if app.loopback_port <= port < app.loopback_port + PORT_BLOCK
                ]
                fix = "visitors need a port of the edge's own"
                problems += [Problem(f"port {port} belongs to {use}", where, fix) for use in uses]
    return problems


def check_together(stacks: Iterable[Stack]) -> list[Problem]:
    """Conflicts between stacks of one host: names, directories, apps, loopback ports, public ports and host names."""
    stacks = list(stacks)
    problems: list[Problem] = []
    taken: dict[tuple[str, str], str] = {}
    speech: dict[int, tuple[bool, str]] = {}

    def claim(kind: str, name: str, place: str, fix: str) -> None:
        holder = taken.setdefault((kind, name), place)
        if holder != place:
            problems.append(Problem(f"{kind} {name} is already used by {holder}", place, fix))

    for stack in stacks:
        place = f"stack {stack.name}"
        claim("directory", stack.directory, place, "give each stack its own directory")
        for app in (*stack.apps, *(name for name, service in stack.services.items() if service.context)):
            claim("app name", app, place, "image tags are named after the app, so two stacks cannot share a name")
            for name in stack.environments:
                joined = f"{stack.name}-{name}-{app}"
                claim("name in the router", joined, f"{place}.apps.{app}", "rename the app or the stack")
        for environment in stack.environments.values():
            hosts = {
                host for _app, _route, host in routes_in(stack, environment) if host
            } | environment.redirects.keys()
            for port, encrypted in environment.listeners:
                where = f"{place}.environments.{environment.name}"
                if speech.setdefault(port, (encrypted, where))[0] != encrypted:
                    problems.append(
                        Problem(
                            f"port {port} cannot serve both http and https; {speech[port][1]} uses it too",
                            where,
                            "give one of them another port",
                        )
                    )
                for host in [*(environment.hosts or ["(any host)"]), *sorted(hosts)]:
                    claim(
                        "public address",
                        f"{host}:{port}",
                        where,
                        "give it another port, or its own `hosts`",
                    )
    problems += _port_problems([(f"stack {stack.name}", app) for stack in stacks for app in stack.apps.values()])
    return problems
