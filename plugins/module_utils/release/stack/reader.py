# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a stack as people write it, field by field: reports every problem at once, with its place and its fix."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from ..env.matrix import Key, read_matrix
from ..errors import Problem, RefusedError
from ..util import ignores
from ..util.addresses import has_credentials
from ..util.fields import Fields, plain, shown
from ..util.lazy import lazy_part
from .canonical import read_canonical, read_origins, read_redirects, read_until
from .canonical_checks import check_canonical
from .checks import check_apps_of, check_ports, check_together
from .compose_keys import check_compose
from .databases import has_prefix
from .derived import fill_in
from .drift import read_drift
from .error_pages import read_error_pages
from .jobs import TIMEOUT_SECONDS, check_job, read_environments, read_hooks
from .maintenance import read_allow
from .model import (
    BUILD_KEYS,
    ENVIRONMENTS,
    NAME,
    OWN_PATH,
    PORT_BLOCK,
    App,
    Environment,
    EnvironmentName,
    Flag,
    Keys,
    Route,
    Stack,
)
from .parts import PATH, read_capabilities, read_limits, read_mounts
from .replicas import MOST_REPLICAS
from .reserved import SSH_PORTS, directory_problem, name_problem, owner_problem
from .services import read_service, read_volume
from .tls import read_tls

if TYPE_CHECKING:
    from . import database_reader
    from . import migrate as migrations
    from .endpoints import reader as endpoints
    from .endpoints.model import Endpoint
else:
    database_reader = lazy_part(".database_reader", __package__)
    migrations = lazy_part(".migrate", __package__)
    endpoints = lazy_part(".endpoints.reader", __package__)

HOST_NAME = r"[A-Za-z0-9*]([A-Za-z0-9.-]*[A-Za-z0-9])?"
FLAG_NAME = r"[A-Za-z][A-Za-z0-9_.-]*"
ENV_KEY = r"[A-Za-z_][A-Za-z0-9_]*"


def read_stack(name: str, data: Any, *, stored: bool = False) -> Stack:
    """Read and check one stack. Raises RefusedError with every problem at once. `stored` is what an engine wrote: an
    earlier one let more pass, and what runs by it must still be found, replaced and gone back to."""
    problems: list[Problem] = []
    stack = _read_stack(name, data, problems, stored=stored)
    if problems or stack is None:
        raise RefusedError(list(dict.fromkeys(problems)))
    return stack


def read_stacks(definitions: Mapping[str, Any], taken: Mapping[int, str] | None = None) -> list[Stack]:
    """Read all stacks of one host, and check them for conflicts. `taken` are ports of other parts of the host, each
    with its use."""
    problems: list[Problem] = []
    found = [_read_stack(name, data, problems) for name, data in sorted(definitions.items())]
    stacks = [stack for stack in found if stack is not None]
    if not problems:
        problems += check_together(stacks) + check_ports(stacks, taken or {})
    if problems:
        raise RefusedError(list(dict.fromkeys(problems)))
    return stacks


def read_each(
    definitions: Mapping[str, Any], taken: Mapping[int, str] | None = None, *, stored: Collection[str] = ()
) -> tuple[list[Stack], dict[str, list[Problem]]]:
    """The stacks of one host that are right by themselves and beside each other, and the problems of the others by the
    names that they were given under. `stored` are those of them that an engine wrote."""
    noted: dict[str, list[Problem]] = {name: [] for name in sorted(definitions)}
    found = {
        name: _read_stack(name, definitions[name], problems, stored=name in stored) for name, problems in noted.items()
    }
    bad = {name: list(dict.fromkeys(problems)) for name, problems in noted.items() if problems}
    good = {name: stack for name, stack in found.items() if stack is not None and name not in bad}
    while True:
        stacks = list(good.values())
        problems = dict.fromkeys(check_together(stacks) + check_ports(stacks, taken or {}))
        # Of two that want the same, nobody knows which may have it, so both are left out: one of them may be live.
        at_fault = {key: [p for p in problems if _is_about(p, stack.name)] for key, stack in good.items()}
        if not any(at_fault.values()):
            return stacks, bad
        bad |= {key: mine for key, mine in at_fault.items() if mine}
        good = {key: stack for key, stack in good.items() if key not in bad}


def _is_about(problem: Problem, stack: str) -> bool:
    return re.search(rf"\bstack {re.escape(stack)}(?![\w-])", f"{problem.where} {problem.what}") is not None


def _read_stack(name: str, data: Any, problems: list[Problem], *, stored: bool = False) -> Stack | None:
    try:
        return _read_whole_stack(name, data, problems, stored)
    except RecursionError:
        fix = "write it as the documentation shows"
        problems.append(Problem("is nested too deeply to be read", f"stack {name}", fix))
        return None


def _read_whole_stack(default_name: str, data: Any, problems: list[Problem], stored: bool) -> Stack:
    where = f"stack {default_name}"
    fields = Fields(plain(data), where, problems)
    name = fields.text("name", default_name, pattern=NAME, hint="lower-case letters, digits and single hyphens")
    if why := name_problem(name):
        fields.note("name", f"{name!r} {why}", "choose another")
    owner = fields.text("owner", "ubuntu", pattern=r"[a-z_][a-z0-9_-]*")
    if why := owner_problem(owner):
        fields.note("owner", f"{owner!r} {why}", "name the user who works in the checkout")
    environments = _read_environments(fields, problems)
    fill_in(fields, environments)
    keys_data = fields.value("keys")
    matrix = read_matrix(fields, (*fields.mapping("apps"), *fields.mapping("services")), problems)
    stack = Stack(
        name=name,
        directory=_read_directory(fields, owner),
        owner=owner,
        source=_read_source(fields),
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
            "promote_window",
            pattern=r"([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]",
            hint="for example 09:00-17:00",
        ),
        apps={
            app_name: _read_app(app_name, app_data, f"{where}.apps.{app_name}", problems, stored=stored)
            for app_name, app_data in fields.mapping("apps").items()
        },
        build_secrets=fields.texts("build_secrets"),
        checkout=fields.boolean("checkout", True),
        services={
            service: read_service(service, its, f"{where}.services.{service}", problems)
            for service, its in fields.mapping("services").items()
        },
        volumes={
            volume: read_volume(volume, its, f"{where}.volumes.{volume}", problems)
            for volume, its in fields.mapping("volumes").items()
        },
        error_pages=read_error_pages(fields.value("error_pages"), f"{where}.error_pages", fields),
        maintenance_allow=read_allow(fields.value("maintenance"), f"{where}.maintenance", fields),
        hooks=read_hooks(fields, problems),
        drift=read_drift(fields, problems),
        databases={
            database: database_reader.read_database(database, its, f"{where}.databases.{database}", problems)
            for database, its in fields.mapping("databases").items()
        },
        endpoints=_read_endpoints(fields, environments, matrix, problems),
    )
    stack = dataclasses.replace(stack, secrets=(*stack.secrets, *stack.addresses))
    fields.no_others()
    if not stack.apps:
        fields.note("apps", "is empty", "name at least one app")
    check_apps_of(stack, where, problems)
    if _has_databases(stack):
        problems += database_reader.check_databases(stack, where)
    check_canonical(stack, where, problems)
    problems += check_ports([stack], dict.fromkeys(SSH_PORTS, "SSH"))
    return stack


def _read_endpoints(
    fields: Fields,
    environments: Mapping[EnvironmentName, Environment],
    matrix: Mapping[str, Key],
    problems: list[Problem],
) -> tuple[Endpoint, ...]:
    if fields.value("endpoints") is None:
        return ()
    sides: dict[str, endpoints.Side] = {
        name: endpoints.Side(bool(one.tls), one.origins) for name, one in environments.items()
    }
    return endpoints.read_endpoints(fields, sides, matrix, problems)


def _has_databases(stack: Stack) -> bool:
    """Whether anything of it is for the checks of databases."""
    named = any(app.database or app.database_variable or app.database_scheme for app in stack.apps.values())
    names = [*stack.env_matrix, *(name for layer in stack.env.values() for name in layer)]
    return bool(stack.databases) or named or any(map(has_prefix, names))


def _read_directory(fields: Fields, owner: str) -> str:
    path = fields.text(
        "directory",
        # Each part has a name: no `..`, no `.`, no double slash, no slash at the end.
        pattern=r"(/(?!\.{1,2}/)[A-Za-z0-9._-]+)*/[A-Za-z0-9._-]*[A-Za-z0-9]|/",
        required=True,
        hint="an absolute path without `..`, `//` and a slash at its end, for example /home/ubuntu/shop",
    )
    if why := directory_problem(path, owner):
        fields.note("directory", f"{path} {why}", f"give the stack one of its own, for example /home/{owner}/shop")
    return path


def _read_source(fields: Fields) -> str:
    """The repository's address. What is wrong with it is told without it: it stands in files that everybody may read,
    so a token in it is refused, and a message would publish it too."""
    source = fields.value("source", "")
    if isinstance(source, str) and has_credentials(source):
        fix = "use an SSH deploy key (git@host:path), or the credential helper of the owner's git"
        fields.note("source", "holds a user, a password, a token or a query, which others could read", fix)
        return ""
    if isinstance(source, str) and source and not re.fullmatch(r"[A-Za-z0-9/~][^\s]*", source):
        fields.note("source", "is not valid", "a git address or an absolute path")
        return ""
    return fields.text("source")


def _is_port(value: int | str) -> bool:
    if isinstance(value, str):
        # Not isdigit, which knows digits that int does not.
        return re.fullmatch(r"[1-9][0-9]{0,4}", value) is not None and int(value) <= 65535
    return 1 <= value <= 65535


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
            if isinstance(port, bool) or not isinstance(port, (int, str)) or not _is_port(port):
                inner.note("ports", f"{shown(port)} is not a port")
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
        addresses = read_canonical(inner, tls=tls is not None)
        redirects, origins = read_redirects(inner, addresses), read_origins(inner, addresses)
        inner.no_others()
        result[name] = Environment(name, tuple(ports), hosts, tls, canonical, addresses, redirects, origins)
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


def _read_app(name: str, data: Any, where: str, problems: list[Problem], *, stored: bool) -> App:
    fields = Fields(data, where, problems)
    if not re.fullmatch(NAME, name):
        fields.note("", f"{name!r} is not a name for an app", "lower-case letters, digits and single hyphens")
    kind = fields.choice("kind", "web", ("web", "worker", "job"))
    web = kind == "web"
    usual_timeout = TIMEOUT_SECONDS if kind == "job" else 60
    image_of = fields.text("image_of", pattern=NAME, hint="the name of an app of this stack")
    user = fields.integer("user", -1, 0, 2**31 - 1)
    app = App(
        name=name,
        kind=kind,
        context=fields.text(
            "context",
            required=not image_of,
            pattern=r"(?!.*(^|/)\.\.(/|$))[A-Za-z0-9._-][A-Za-z0-9._/-]*",
            hint="the app's folder inside the repository"
            + ("; or `image_of`, an app whose image it runs" if kind == "job" else ""),
        ),
        dockerfile=fields.text(
            "dockerfile", "" if image_of else "Dockerfile", pattern=r"(?!.*(^|/)\.\.(/|$))[A-Za-z0-9._][A-Za-z0-9._/-]*"
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
        **read_limits(fields),
        capabilities=read_capabilities(fields, "any other is `compose: {cap_add: [...]}`"),
        environment=fields.values("environment"),
        compose=_read_compose(fields),
        drain_seconds=fields.integer("drain_seconds", 10, 0, 3600),
        stop_seconds=fields.integer("stop_seconds", 10, 1, 600),
        timeout_seconds=fields.integer("timeout_seconds", usual_timeout, 1, 86400),
        body_limit=fields.text("body_limit", "10m", pattern=r"[0-9]+[kmg]?", hint="for example 10m", numbers=True),
        after=fields.texts("after"),
        replace=fields.choice("replace", "start_first", ("start_first", "stop_first")),
        flags={
            flag: _read_flag(flag, data, f"{where}.flags.{flag}", problems)
            for flag, data in fields.mapping("flags").items()
        },
        build_secrets=fields.texts("build_secrets"),
        health_status=_read_statuses(fields),
        health_host=fields.text("health_host", pattern=r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"),
        health_command=fields.texts("health_command"),
        build_ignores=_read_ignores(fields),
        volumes=read_mounts(fields),
        image_of=image_of,
        command=fields.texts("command"),
        schedule=fields.text("schedule"),
        environments=read_environments(fields, "job"),
        replicas=fields.integer("replicas", 1, 1, MOST_REPLICAS),
        database=fields.text("database"),
        database_variable=fields.text("database_variable", pattern=ENV_KEY),
        database_scheme=fields.text("database_scheme", pattern=r"[a-z][a-z0-9+]*"),
        migrate=None if fields.value("migrate") is None else migrations.read_migrate(fields, kind, problems),
    )
    fields.no_others()
    if image_of:
        for key in BUILD_KEYS:
            if fields.value(key):
                what = f"does not go with `image_of`: the image is built as {shown(image_of)} says"
                fields.note(key, what, "remove it; without `image_of` the app has an image of its own")
    if app.command and "command" in app.compose:
        fields.note("command", "is said twice, here and in `compose`", "remove `compose.command`")
    for flag, declared in app.flags.items():
        if declared.route and not any(_covers(route.path, declared.route) for route in app.routes):
            known = ", ".join(route.path for route in app.routes) or f"none, it is a {kind}"
            fields.note(
                f"flags.{flag}.route", f"{declared.route!r} is not below a route of the app", f"routes: {known}"
            )
    if web and not app.routes:
        fields.note(
            "routes", "is missing", "give a web app at least one route, for example [{path: /}]; or `kind: worker`"
        )
    if not web and (app.routes or app.port or app.loopback_port):
        fields.note("", f"a {kind} has no routes and no ports", "remove them, or set `kind: web`")
    if not stored:
        check_job(fields, app)
        _check_effect(fields, app)
        check_compose(app.compose, f"{where}.compose", problems)
    return app


def _check_effect(fields: Fields, app: App) -> None:
    """What a worker has no use for would be ignored without a word. Defaults are in every definition once read."""
    if app.is_job and app.health:
        fields.note("health", "is a path, and a job answers none", "remove it: what counts is its exit code")
    elif not app.is_web and app.health:
        fix = "remove it, or use `health_command`, for example [celery, inspect, ping]"
        fields.note("health", "is a path, and a worker answers none", fix)
    if app.is_web and app.health_command:
        fields.note("health_command", "is for workers", "a web app has `health`, and may have `compose.healthcheck`")
    for key in ("health_status", "health_host"):
        if not app.is_web and getattr(app, key):
            fields.note(key, f"has no effect on a {app.kind}, which gets no requests", "remove it")
    for key, default in (("timeout_seconds", 60), ("body_limit", "10m"), ("drain_seconds", 10)):
        if app.kind == "worker" and getattr(app, key) != default:
            fields.note(key, "has no effect on a worker, which gets no requests", "remove it")


def _read_ignores(fields: Fields) -> tuple[str, ...]:
    patterns = fields.texts("build_ignores")
    fix = "write it as in .dockerignore: `*`, `**`, `?`, `[a-z]`, `!` at the beginning, a backslash before others"
    for pattern in patterns:
        if why := ignores.problem(pattern):
            fields.note("build_ignores", f"{shown(pattern)} {why}", fix)
    return patterns


def _read_statuses(fields: Fields) -> tuple[int, ...]:
    statuses = fields.items("health_status")
    for status in statuses:
        if isinstance(status, bool) or not isinstance(status, int) or not 300 <= status <= 499:
            fields.note("health_status", f"{shown(status)} is no status from 300 to 499", "2xx is healthy in any case")
    return tuple(status for status in statuses if isinstance(status, int))


def _read_compose(fields: Fields) -> dict[str, Any]:
    """Compose's own keys. They are kept as JSON, which has no dates, sets or infinite numbers."""
    compose = fields.mapping("compose")
    try:
        json.dumps(compose, allow_nan=False)
    except (TypeError, ValueError):
        fields.note("compose", "holds more than texts, numbers, lists and mappings", "put dates and the like in quotes")
        return {}
    return compose


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
        canonical=fields.text("canonical"),
        until=read_until(fields),
    )
    fields.no_others()
    if route.canonical and route.host:
        fields.note("host", "is said twice, here and by `canonical`", "remove one of them")
    if route.path != "/" and route.path.endswith("/"):
        fields.note("path", f"{route.path!r} ends with a slash", f"write {route.path.rstrip('/')!r}; it covers both")
    if route.path.split("/")[1:2] == [OWN_PATH.strip("/")]:
        fields.note("path", f"{OWN_PATH} is the edge's own, for the status page", "choose another path")
    return route
