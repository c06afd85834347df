# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stack is: its apps, environments, ports and routes, read from data and checked as a whole."""

from __future__ import annotations

import dataclasses
import itertools
import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Problem, Refused
from .fields import Fields, plain
from .matrix import Key, read_matrix
from .tls import Tls, read_tls

ENVIRONMENTS = ("staging", "production")
SLOTS = ("blue", "green")

#: Loopback ports reserved for each app: two slots for each environment now, room for previews later.
PORT_BLOCK = 10

NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
PATH = r"/[A-Za-z0-9._~/-]*"
#: Not for apps: the edge has the status page there.
OWN_PATH = "/_onehost/"
HOST_NAME = r"[A-Za-z0-9*]([A-Za-z0-9.-]*[A-Za-z0-9])?"
FLAG_NAME = r"[A-Za-z][A-Za-z0-9_.-]*"
ENV_KEY = r"[A-Za-z_][A-Za-z0-9_]*"

#: A unix socket's path is limited to 107 bytes by the kernel (unix(7)).
SOCKET_PATH_LIMIT = 107


@dataclass(frozen=True)
class Route:
    """Where the edge sends an app's requests from: a path, and a host name if not the environment's own."""

    path: str
    host: str = ""
    strip_path: bool = False
    #: The public path asked after a switch; empty means the route's own path joined with the app's health path
    #: when the prefix is stripped, otherwise the route's path.
    check: str = ""


@dataclass(frozen=True)
class Flag:
    """A feature switch of an app, see `flags`. While it is off, HAProxy answers 503 for its `route`, if it has one."""

    default: bool
    description: str
    route: str = ""


@dataclass(frozen=True)
class App:
    """One deployable of a stack."""

    name: str
    kind: str
    context: str
    dockerfile: str
    build_target: str
    build_arguments: dict[str, str]
    port: int
    loopback_port: int
    health: str
    health_seconds: int
    routes: tuple[Route, ...]
    keys: str
    user: int | None
    memory: str
    cpus: str
    pids: int
    environment: dict[str, str]
    compose: dict[str, Any]
    drain_seconds: int
    stop_seconds: int
    timeout_seconds: int
    body_limit: str
    after: tuple[str, ...]
    replace: str
    flags: dict[str, Flag] = dataclasses.field(default_factory=dict)

    @property
    def is_web(self) -> bool:
        return self.kind == "web"

    @property
    def is_replaced_in_place(self) -> bool:
        """True for an app that must never run twice: its old container stops before the new one starts."""
        return self.replace == "stop_first"


@dataclass(frozen=True)
class Environment:
    """One environment's public side: the edge's ports and host names (none: any host name)."""

    name: str
    ports: tuple[int, ...]
    hosts: tuple[str, ...]
    tls: Tls | None = None
    #: The one of `hosts` that answers; the others lead to it. Empty: all of them answer.
    canonical_host: str = ""

    @property
    def main_host(self) -> str:
        """A host name under which the environment answers; empty where any will do."""
        return self.canonical_host or next(iter(self.hosts), "")

    @property
    def doors(self) -> tuple[tuple[int, bool], ...]:
        """Every public port, and whether it speaks TLS."""
        return (*((port, False) for port in self.ports), *([(self.tls.port, True)] if self.tls else []))


@dataclass(frozen=True)
class Keys:
    """The stack's JWT key pair: where the containers see it, and the numeric user who reads the private key."""

    mount: str
    user: int
    #: How long the public key of before stays valid after a rotation.
    overlap_hours: float = 24.0


@dataclass(frozen=True)
class Stack:
    """One product, as provisioned on one host."""

    name: str
    directory: str
    owner: str
    source: str
    version: str
    environments: dict[str, Environment]
    keys: Keys | None
    build_arguments: dict[str, str]
    env: dict[str, dict[str, str]]
    secrets: tuple[str, ...]
    #: What each environment variable is and who gets it; empty: everything goes to every app, unchecked.
    env_matrix: dict[str, Key]
    #: How long an operation watches the new release after the switch before it stops the old one.
    watch_seconds: int
    #: How long the old slot is kept running after an operation, so that the way back is only a switch.
    warm_seconds: int
    #: A deploy or promote does not begin with less free space than this.
    disk_floor_gb: float
    #: How long a release must have been live in staging before it may be promoted.
    soak_minutes: int
    #: Local time in which a promote may begin, as HH:MM-HH:MM; empty for any time.
    promote_window: str
    apps: dict[str, App]

    def to_mapping(self, *, with_env: bool) -> dict[str, Any]:
        """Plain data for JSON and templates. Without env values it may be read by everybody."""
        parts: dict[str, Any] = {**vars(self), "env": self.env if with_env else {}}
        parts["env_matrix"] = {name: key.to_mapping() for name, key in self.env_matrix.items()}
        # Through JSON, so that what was kept in a file and what was just read compare equal (lists, not tuples).
        data: dict[str, Any] = json.loads(json.dumps(parts, default=vars))
        # What a reader would refuse or fill in by itself is left out, so that the result can be read again.
        for part in (*data["environments"].values(), *data["apps"].values()):
            del part["name"]
        for app in data["apps"].values():
            for key in ("port", "loopback_port") if app["kind"] == "worker" else ():
                del app[key]
        return data

    @property
    def web_apps(self) -> list[App]:
        return [app for app in self.apps.values() if app.is_web]

    def image(self, app: str, tag: str) -> str:
        return f"{app}:{tag}"

    def project(self, environment: str, slot: str) -> str:
        """The Compose project of a slot."""
        return f"{self.name}-{environment}-{slot}"

    def backend(self, environment: str, app: str, slot: str) -> str:
        """The switch's backend of an app in a slot."""
        return f"{self.name}-{environment}-{app}-{slot}"

    def loopback_port(self, app: App, environment: str, slot: str) -> int:
        """The host's port of an app in a slot. An app that never runs twice has one port for both slots, so that
        the switch waits on the same address while it is replaced."""
        return loopback_port(app.loopback_port, app.is_replaced_in_place, environment, slot)


def loopback_port(first: int, in_place: bool, environment: str, slot: str) -> int:
    """A port within an app's block of ten, see docs/architecture.md."""
    return first + 2 * ENVIRONMENTS.index(environment) + (0 if in_place else SLOTS.index(slot))


def other_slot(slot: str) -> str:
    return SLOTS[1 - SLOTS.index(slot)]


def socket_path(stack: str, environment: str, app: str) -> str:
    return f"/run/haproxy/{stack}-{environment}-{app}.sock"


def check_path(app: App, route: Route) -> str:
    """The public path that must answer for the new release after a switch."""
    if route.check:
        return route.check
    if route.strip_path:
        return posixpath.join(route.path.rstrip("/") or "/", app.health.lstrip("/"))
    if route.path == "/":
        return app.health
    return route.path


def read_stack(name: str, data: Any) -> Stack:
    """Read and check one stack. Raises Refused with every problem at once."""
    problems: list[Problem] = []
    stack = _read_stack(name, data, problems)
    if problems:
        raise Refused(list(dict.fromkeys(problems)))
    return stack


def read_stacks(definitions: Mapping[str, Any]) -> list[Stack]:
    """Read all stacks of one host, and check that they do not stand in each other's way."""
    problems: list[Problem] = []
    stacks = [_read_stack(name, data, problems) for name, data in sorted(definitions.items())]
    if not problems:
        problems += check_together(stacks)
    if problems:
        raise Refused(list(dict.fromkeys(problems)))
    return stacks


def _read_stack(default_name: str, data: Any, problems: list[Problem]) -> Stack:
    where = f"stack {default_name}"
    fields = Fields(plain(data), where, problems)
    name = fields.text("name", default_name, pattern=NAME, hint="lower-case letters, digits and single hyphens")
    environments = _read_environments(fields, problems)
    keys_data = fields.value("keys")
    matrix = read_matrix(fields, tuple(fields.mapping("apps")), problems)
    stack = Stack(
        name=name,
        directory=fields.text(
            "directory",
            pattern=r"/[A-Za-z0-9._/-]*[A-Za-z0-9]",
            required=True,
            hint="an absolute path, for example /home/ubuntu/shop",
        ),
        owner=fields.text("owner", "ubuntu", pattern=r"[a-z_][a-z0-9_-]*"),
        source=fields.text("source", "", pattern=r"[A-Za-z0-9/~][^\s]*", hint="a git address or an absolute path"),
        version=fields.text("version", "main", pattern=r"[A-Za-z0-9][A-Za-z0-9._/-]*"),
        environments=environments,
        keys=None if keys_data is None else _read_keys(keys_data, f"{where}.keys", problems),
        build_arguments=fields.values("build_arguments"),
        env=_read_env(fields, problems),
        secrets=_read_secrets(fields, matrix),
        env_matrix=matrix,
        watch_seconds=fields.integer("watch_seconds", 10, 0, 3600),
        warm_seconds=fields.integer("warm_seconds", 0, 0, 7 * 86400),
        disk_floor_gb=fields.number("disk_floor_gb", 20, 0, 100000),
        soak_minutes=fields.integer("soak_minutes", 0, 0, 100000),
        promote_window=fields.text(
            "promote_window", pattern=r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d", hint="for example 09:00-17:00"
        ),
        apps={
            app_name: _read_app(app_name, app_data, f"{where}.apps.{app_name}", problems)
            for app_name, app_data in fields.mapping("apps").items()
        },
    )
    fields.no_others()
    if not stack.apps:
        fields.note("apps", "is empty", "name at least one app")
    _check_apps(stack, where, problems)
    return stack


def _read_environments(fields: Fields, problems: list[Problem]) -> dict[str, Environment]:
    data = fields.mapping("environments")
    result = {}
    for name in data:
        if name not in ENVIRONMENTS:
            fields.note(f"environments.{name}", "is not a known environment", "choose " + " or ".join(ENVIRONMENTS))
    for name in ENVIRONMENTS:
        if name not in data:
            fields.note(f"environments.{name}", "is missing", "give it `ports`, the public ports of the edge")
            continue
        inner = Fields(data[name], f"{fields.where}.environments.{name}", problems)
        ports = []
        for port in inner.items("ports"):
            if isinstance(port, bool) or not str(port).isdigit() or not 1 <= int(port) <= 65535:
                inner.note("ports", f"{port!r} is not a port")
            else:
                ports.append(int(port))
        if not ports:
            inner.note("ports", "is empty", "give the public ports of the edge, for example [4400]")
        hosts = inner.texts("hosts")
        for host in hosts:
            if not re.fullmatch(HOST_NAME, host):
                inner.note("hosts", f"{host!r} is not a host name")
        tls = read_tls(inner, ports, problems)
        canonical = inner.text("canonical_host")
        if canonical and (canonical not in hosts or "*" in canonical):
            inner.note("canonical_host", f"{canonical!r} is none of `hosts`", "add it there, without a wildcard")
        inner.no_others()
        result[name] = Environment(name, tuple(ports), hosts, tls, canonical)
    return result


def _read_keys(data: Any, where: str, problems: list[Problem]) -> Keys:
    fields = Fields(data, where, problems)
    keys = Keys(
        mount=fields.text("mount", pattern=PATH, required=True, hint="the directory inside the containers"),
        user=fields.integer("user", 10001, 1, 2**31 - 1),
        overlap_hours=fields.number("overlap_hours", 24, 0, 24 * 365),
    )
    fields.no_others()
    return keys


def _read_env(fields: Fields, problems: list[Problem]) -> dict[str, dict[str, str]]:
    layers = Fields(fields.value("env", {}), f"{fields.where}.env", problems)
    env = {layer: layers.values(layer) for layer in ("common", *ENVIRONMENTS)}
    layers.no_others()
    for layer, values in env.items():
        for key in values:
            if not re.fullmatch(ENV_KEY, key):
                layers.note(f"{layer}.{key}", "is not a name for an environment variable", f"must match {ENV_KEY}")
    return env


def _read_secrets(fields: Fields, matrix: dict[str, Key]) -> tuple[str, ...]:
    """Names of secrets: the matrix knows them; without one they are listed."""
    listed = fields.texts("secrets")
    if not matrix:
        return listed
    for name in listed:
        if name not in matrix or not matrix[name].is_secret:
            fields.note(
                "secrets", f"names {name}, which is no secret of the matrix", "set its class, or remove it here"
            )
    return tuple(sorted(name for name, key in matrix.items() if key.is_secret))


def _read_app(name: str, data: Any, where: str, problems: list[Problem]) -> App:
    fields = Fields(data, where, problems)
    if not re.fullmatch(NAME, name):
        fields.note("", f"{name!r} is not a name for an app", "lower-case letters, digits and single hyphens")
    kind = fields.choice("kind", "web", ("web", "worker"))
    web = kind == "web"
    user = fields.integer("user", -1, 0, 2**31 - 1)
    app = App(
        name=name,
        kind=kind,
        context=fields.text(
            "context",
            required=True,
            pattern=r"(?!.*(^|/)\.\.(/|$))[A-Za-z0-9._-][A-Za-z0-9._/-]*",
            hint="the app's folder inside the repository",
        ),
        dockerfile=fields.text(
            "dockerfile", "Dockerfile", pattern=r"(?!.*(^|/)\.\.(/|$))[A-Za-z0-9._][A-Za-z0-9._/-]*"
        ),
        build_target=fields.text("build_target", pattern=r"[A-Za-z0-9._-]+"),
        build_arguments=fields.values("build_arguments"),
        port=fields.integer("port", 0, 1, 65535, required=web),
        loopback_port=fields.integer("loopback_port", 0, 1024, 65535 - PORT_BLOCK, required=web),
        health=fields.text(
            "health",
            pattern=PATH + r"(\?[^\s#]*)?",
            required=web,
            hint="set `health` to the path that answers 200 when the app is ready, for example /health",
        ),
        health_seconds=fields.integer("health_seconds", 60, 1, 1800),
        routes=tuple(
            _read_route(route, f"{where}.routes[{i}]", problems) for i, route in enumerate(fields.items("routes"))
        ),
        keys=fields.choice("keys", "none", ("none", "public", "private")),
        user=None if user < 0 else user,
        memory=fields.text("memory", pattern=r"[1-9][0-9]*[bkmg]?", hint="for example 512m"),
        cpus=fields.text("cpus", pattern=r"[0-9]+(\.[0-9]+)?", hint="for example 0.5"),
        pids=fields.integer("pids", 0, 0, 4194304),
        environment=fields.values("environment"),
        compose=fields.mapping("compose"),
        drain_seconds=fields.integer("drain_seconds", 10, 0, 3600),
        stop_seconds=fields.integer("stop_seconds", 10, 1, 600),
        timeout_seconds=fields.integer("timeout_seconds", 60, 1, 86400),
        body_limit=fields.text("body_limit", "10m", pattern=r"[0-9]+[kmg]?", hint="for example 10m"),
        after=fields.texts("after"),
        replace=fields.choice("replace", "start_first", ("start_first", "stop_first")),
        flags={
            flag: _read_flag(flag, data, f"{where}.flags.{flag}", problems)
            for flag, data in fields.mapping("flags").items()
        },
    )
    fields.no_others()
    for flag, declared in app.flags.items():
        if declared.route and not any(_covers(route.path, declared.route) for route in app.routes):
            known = ", ".join(route.path for route in app.routes) or "none, it is a worker"
            fields.note(
                f"flags.{flag}.route", f"{declared.route!r} is not below a route of the app", f"routes: {known}"
            )
    if web and not app.routes:
        fields.note(
            "routes", "is missing", "give a web app at least one route, for example [{path: /}]; or `kind: worker`"
        )
    if not web and (app.routes or app.port or app.loopback_port):
        fields.note("", "a worker has no routes and no ports", "remove them, or set `kind: web`")
    forbidden = {
        "image",
        "ports",
        "container_name",
        "build",
        "env_file",
        "restart",
        "labels",
        "network_mode",
        "profiles",
    }
    if not isinstance(app.compose.get("environment", {}), dict):
        fields.note(
            "compose.environment", "must be a mapping", "write `KEY: value`, or use the app's own `environment`"
        )
    for key in sorted(forbidden & set(app.compose)):
        fields.note(f"compose.{key}", "is set by the platform and cannot be replaced", "remove it")
    return app


def _read_flag(name: str, data: Any, where: str, problems: list[Problem]) -> Flag:
    fields = Fields({} if data is None else data, where, problems)
    if not re.fullmatch(FLAG_NAME, name):
        fields.note("", f"{name!r} is not a name for a flag", f"must match {FLAG_NAME}")
    flag = Flag(
        default=fields.boolean("default", True),
        description=fields.text("description"),
        route=fields.text("route", pattern=PATH, hint="a path as visitors ask for it, for example /battle"),
    )
    if flag.route != "/" and flag.route.endswith("/"):
        fields.note("route", f"{flag.route!r} ends with a slash", f"write {flag.route.rstrip('/')!r}; it covers both")
    fields.no_others()
    return flag


def _covers(route: str, path: str) -> bool:
    return route == "/" or path == route or path.startswith(f"{route}/")


def _read_route(data: Any, where: str, problems: list[Problem]) -> Route:
    fields = Fields(data, where, problems)
    route = Route(
        path=fields.text("path", "/", pattern=PATH),
        host=fields.text("host", "", pattern=HOST_NAME),
        strip_path=fields.boolean("strip_path", False),
        check=fields.text("check", "", pattern=PATH + r"(\?[^\s#]*)?"),
    )
    fields.no_others()
    if route.path != "/" and route.path.endswith("/"):
        fields.note("path", f"{route.path!r} ends with a slash", f"write {route.path.rstrip('/')!r}; it covers both")
    if route.path.split("/")[1:2] == [OWN_PATH.strip("/")]:
        fields.note("path", f"{OWN_PATH} is the edge's own, for the status page", "choose another path")
    return route


def _check_apps(stack: Stack, where: str, problems: list[Problem]) -> None:
    """What no single field can see: routes and ports used twice, orders that cannot be, keys without a pair."""
    routes: dict[tuple[str, str], str] = {}
    for app in stack.apps.values():
        place = f"{where}.apps.{app.name}"
        for route in app.routes:
            taken = routes.setdefault((route.host, route.path), app.name)
            if taken != app.name or sum(r.path == route.path and r.host == route.host for r in app.routes) > 1:
                shown = f"{route.host}{route.path}"
                problems.append(
                    Problem(
                        f"route {shown} is already taken by app {taken}", place, "give one of them another path or host"
                    )
                )
        if app.keys != "none" and stack.keys is None:
            problems.append(
                Problem(
                    f"wants its {app.keys} key, but the stack has no `keys`",
                    place,
                    "add `keys: {mount: ...}` to the stack",
                )
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
    problems.extend(_port_problems([(where, app) for app in stack.apps.values()]))
    try:
        start_order(stack.apps)
    except ValueError as error:
        problems.append(Problem(str(error), f"{where}.apps", "break the circle in `after`"))


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


def start_order(apps: Mapping[str, App]) -> list[list[str]]:
    """Apps in groups that may start together, each group after the one before. Raises ValueError on a circle."""
    waiting = {name: {other for other in app.after if other in apps} for name, app in apps.items()}
    groups: list[list[str]] = []
    while waiting:
        ready = [name for name, needs in waiting.items() if not needs]
        if not ready:
            raise ValueError("apps wait for each other: " + ", ".join(sorted(waiting)))
        groups.append(ready)
        for name in ready:
            del waiting[name]
        for needs in waiting.values():
            needs.difference_update(ready)
    return groups


def check_together(stacks: Iterable[Stack]) -> list[Problem]:
    """Problems between stacks of one host: names, directories, apps, loopback ports, public ports and host names."""
    stacks = list(stacks)
    problems: list[Problem] = []
    taken: dict[tuple[str, str], str] = {}
    speech: dict[int, tuple[bool, str]] = {}

    def claim(kind: str, thing: str, place: str, mend: str) -> None:
        holder = taken.setdefault((kind, thing), place)
        if holder != place:
            problems.append(Problem(f"{kind} {thing} is already used by {holder}", place, mend))

    for stack in stacks:
        place = f"stack {stack.name}"
        claim("directory", stack.directory, place, "give each stack its own directory")
        for app in stack.apps:
            claim("app name", app, place, "image tags are named after the app, so two stacks cannot share a name")
            for name in stack.environments:
                joined = f"{stack.name}-{name}-{app}"
                claim("name in the switch", joined, f"{place}.apps.{app}", "rename the app or the stack")
        for environment in stack.environments.values():
            hosts = {route.host for app in stack.web_apps for route in app.routes if route.host}
            for port, encrypted in environment.doors:
                where = f"{place}.environments.{environment.name}"
                if speech.setdefault(port, (encrypted, where))[0] != encrypted:
                    problems.append(
                        Problem(
                            f"port {port} cannot speak http and https, {speech[port][1]} has it too",
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
