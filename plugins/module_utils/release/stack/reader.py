# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a stack as people write it, field by field: reports every problem at once, with its place and its fix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..env.matrix import Key, read_matrix
from ..errors import Problem, RefusedError
from ..util.fields import Fields, plain
from .checks import check_apps_of, check_together
from .model import ENVIRONMENTS, NAME, OWN_PATH, PORT_BLOCK, App, Environment, EnvironmentName, Flag, Keys, Route, Stack
from .tls import read_tls

PATH = r"/[A-Za-z0-9._~/-]*"
HOST_NAME = r"[A-Za-z0-9*]([A-Za-z0-9.-]*[A-Za-z0-9])?"
FLAG_NAME = r"[A-Za-z][A-Za-z0-9_.-]*"
ENV_KEY = r"[A-Za-z_][A-Za-z0-9_]*"


def read_stack(name: str, data: Any) -> Stack:
    """Read and check one stack. Raises RefusedError with every problem at once."""
    problems: list[Problem] = []
    stack = _read_stack(name, data, problems)
    if problems:
        raise RefusedError(list(dict.fromkeys(problems)))
    return stack


def read_stacks(definitions: Mapping[str, Any]) -> list[Stack]:
    """Read all stacks of one host, and check them for conflicts."""
    problems: list[Problem] = []
    stacks = [_read_stack(name, data, problems) for name, data in sorted(definitions.items())]
    if not problems:
        problems += check_together(stacks)
    if problems:
        raise RefusedError(list(dict.fromkeys(problems)))
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
        build_secrets=fields.texts("build_secrets"),
        checkout=fields.boolean("checkout", True),
    )
    fields.no_others()
    if not stack.apps:
        fields.note("apps", "is empty", "name at least one app")
    check_apps_of(stack, where, problems)
    return stack


def _read_environments(fields: Fields, problems: list[Problem]) -> dict[EnvironmentName, Environment]:
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
            inner.note("canonical_host", f"{canonical!r} is not one of `hosts`", "add it there, without a wildcard")
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
    """Names of secrets: from the matrix if there is one, else from the list."""
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
        build_secrets=fields.texts("build_secrets"),
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
    return route in ("/", path) or path.startswith(f"{route}/")


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
