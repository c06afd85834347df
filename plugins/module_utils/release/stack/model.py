# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stack is: its apps, environments, ports and routes. `reader` makes one from what people write."""

from __future__ import annotations

import dataclasses
import json
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..env.matrix import Key
from ..paths import HAPROXY_SOCKETS
from .canonical import Former, host_of
from .databases import DATABASE_KEYS, VARIABLE, Database, written
from .tls import Tls

if TYPE_CHECKING:
    from .drift import Drift
    from .endpoints.model import Endpoint
    from .migrate import Migrate

EnvironmentName = Literal["staging", "production"]
Slot = Literal["blue", "green"]
ENVIRONMENTS: tuple[EnvironmentName, ...] = ("staging", "production")
SLOTS: tuple[Slot, ...] = ("blue", "green")
#: What a limit is when there is to be none.
UNLIMITED: Literal["unlimited"] = "unlimited"
#: Capabilities that Docker gives to every container, and the platform only to those that name them.
DROPPED_CAPABILITIES = ("NET_RAW",)

#: Loopback ports reserved for each app: two slots for each environment now, space for previews later.
PORT_BLOCK = 10

#: Valid names of stacks, apps and certificates.
NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
#: What decides how an image is built. An app of another's image has none of it.
BUILD_KEYS = ("context", "dockerfile", "build_target", "build_arguments", "build_secrets", "build_ignores")
#: When jobs may run that belong to a release itself.
HOOKS = ("before_switch", "after_switch")
#: Reserved: the edge serves the status page there.
OWN_PATH = "/_onehost/"


@dataclass(frozen=True)
class Route:
    """A public path that the edge routes to an app, and a host name if not the environment's own."""

    path: str
    host: str = ""
    strip_path: bool = False
    #: The public path probed after a switch. Empty means the route's own path, joined with the app's health path
    #: if the prefix is stripped.
    check: str = ""
    #: In place of a host name: the canonical address, by its name, whose host it is in each environment.
    canonical: str = ""
    #: As long as it is served, as a day or a moment; empty for good.
    until: str = ""


@dataclass(frozen=True)
class Flag:
    """A feature flag of an app, see `flags`. While it is off, HAProxy answers 503 for its `route`, if it has one."""

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
    #: Empty, or 0: the default of `releases.limits`.
    memory: str
    cpus: str
    pids: int | Literal["unlimited"]
    environment: dict[str, str]
    compose: dict[str, Any]
    drain_seconds: int
    stop_seconds: int
    timeout_seconds: int
    body_limit: str
    after: tuple[str, ...]
    replace: str
    flags: dict[str, Flag] = dataclasses.field(default_factory=dict)
    #: Names of secrets of the env matrix that its build may read.
    build_secrets: tuple[str, ...] = ()
    #: Of those that containers do not have by default.
    capabilities: tuple[str, ...] = ()
    #: Statuses of the health path that are as good as 2xx, the host name it is asked by, and a worker's own check.
    health_status: tuple[int, ...] = ()
    health_host: str = ""
    health_command: tuple[str, ...] = ()
    #: Patterns of what its build does not see.
    build_ignores: tuple[str, ...] = ()
    #: Volumes of the stack by name, with the directory in the container where each is.
    volumes: dict[str, str] = dataclasses.field(default_factory=dict)
    #: The app whose image it runs, in place of one of its own; and the words of its command, if not the image's.
    image_of: str = ""
    command: tuple[str, ...] = ()
    #: Of a job: when it runs by itself, as a calendar expression of systemd with its time zone, and where.
    schedule: str = ""
    environments: tuple[EnvironmentName, ...] = ENVIRONMENTS
    #: How many equal containers of it a slot has.
    replicas: int = 1
    #: The database whose address it gets, the variable with it, and the scheme if not the engine's usual one.
    database: str = ""
    database_variable: str = ""
    database_scheme: str = ""
    #: How its database gets the schema that a release wants.
    migrate: Migrate | None = None

    @property
    def builder(self) -> str:
        """The app by whose name its image is built."""
        return self.image_of or self.name

    @property
    def variable(self) -> str:
        """Where it finds the address of its database."""
        return self.database_variable or VARIABLE

    @property
    def is_web(self) -> bool:
        return self.kind == "web"

    @property
    def is_job(self) -> bool:
        """True for an app that runs and ends: it has no container in a slot."""
        return self.kind == "job"

    def accepts(self, status: int) -> bool:
        """Whether this status of the health path means that the app is ready."""
        return 200 <= status < 300 or status in self.health_status

    @property
    def is_replaced_in_place(self) -> bool:
        """True for an app that must never run twice: its old container stops before the new one starts."""
        return self.replace == "stop_first"


@dataclass(frozen=True)
class Volume:
    """Data that outlives every container: one for each environment, shared by both of its slots."""

    #: The numeric user to whom it belongs, once it is made.
    user: int
    #: Whether backups are to hold it.
    backup: bool = False


@dataclass(frozen=True)
class ErrorPage:
    """Files of the source, by path. Without one for JSON there is a short answer of ours."""

    html: str
    json: str = ""


@dataclass(frozen=True)
class ServiceHealth:
    """How a service is asked whether it is ready: a path or a connection on a port of its container, or a command."""

    port: int = 0
    path: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """What apps need beside them and no release replaces. Each environment has one of its own."""

    name: str
    #: By its digest, so that it is the same tomorrow; empty for one that is built from `context`.
    image: str
    health: ServiceHealth
    context: str = ""
    dockerfile: str = "Dockerfile"
    build_target: str = ""
    build_arguments: dict[str, str] = dataclasses.field(default_factory=dict)
    command: tuple[str, ...] = ()
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    volumes: dict[str, str] = dataclasses.field(default_factory=dict)
    user: int | None = None
    #: As for an app.
    memory: str = ""
    cpus: str = ""
    pids: int | Literal["unlimited"] = 0
    capabilities: tuple[str, ...] = ()
    health_seconds: int = 60
    stop_seconds: int = 10
    #: Services that must be healthy before it starts.
    after: tuple[str, ...] = ()
    environments: tuple[EnvironmentName, ...] = ENVIRONMENTS


@dataclass(frozen=True)
class Environment:
    """One environment's public side: the edge's ports and host names (none: any host name)."""

    name: EnvironmentName
    ports: tuple[int, ...]
    hosts: tuple[str, ...]
    tls: Tls | None = None
    #: The one of `hosts` that answers; the others redirect to it. Empty: all of them answer.
    canonical_host: str = ""
    #: What clients are to use, by name; earlier host names that lead there; and origins whose pages may read answers.
    canonical: dict[str, str] = dataclasses.field(default_factory=dict)
    redirects: dict[str, Former] = dataclasses.field(default_factory=dict)
    origins: tuple[str, ...] = ()

    def host_of(self, route: Route) -> str:
        """The host name of a route here; empty for the environment's own."""
        if not route.canonical:
            return route.host
        host = host_of(self.canonical.get(route.canonical, ""))
        return "" if not self.hosts or host in {own.lower() for own in self.hosts} else host

    @property
    def main_host(self) -> str:
        """A host name under which the environment answers; empty if any will do."""
        return self.canonical_host or next(iter(self.hosts), "")

    @property
    def listeners(self) -> tuple[tuple[int, bool], ...]:
        """Every public port, and whether it speaks TLS."""
        return (*((port, False) for port in self.ports), *([(self.tls.port, True)] if self.tls else []))


@dataclass(frozen=True)
class Keys:
    """The stack's JWT key pair: where containers see it, and the numeric user who reads the private key."""

    mount: str
    user: int
    #: How long the previous public key stays valid after a rotation.
    overlap_hours: float = 24.0


@dataclass(frozen=True)
class Stack:
    """One product, as provisioned on one host."""

    name: str
    directory: str
    owner: str
    source: str
    version: str
    environments: dict[EnvironmentName, Environment]
    keys: Keys | None
    build_arguments: dict[str, str]
    env: dict[str, dict[str, str]]
    secrets: tuple[str, ...]
    #: What each environment variable is and which apps get it; empty: every app gets everything, unchecked.
    env_matrix: dict[str, Key]
    #: How long an operation watches the new release after the switch before it stops the old one.
    watch_seconds: int
    #: How long the old slot keeps running after an operation, so that a rollback only switches traffic.
    warm_seconds: int
    #: A deploy or promote does not begin with less free space than this.
    disk_floor_gb: float
    #: How long a release must have been live in staging before it may be promoted.
    soak_minutes: int
    #: Local time in which a promote may begin, as HH:MM-HH:MM; empty for any time.
    promote_window: str
    apps: dict[str, App]
    #: As for one app, for all.
    build_secrets: tuple[str, ...] = ()
    #: Whether the directory shows the source that was built, for people.
    checkout: bool = True
    services: dict[str, Service] = dataclasses.field(default_factory=dict)
    volumes: dict[str, Volume] = dataclasses.field(default_factory=dict)
    #: Networks whose visitors get through every maintenance.
    maintenance_allow: tuple[str, ...] = ()
    #: The jobs that run before and after a switch, in their order, by the names of `HOOKS`.
    hooks: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    #: What the edge and the router say in its name, by status or `maintenance`.
    error_pages: dict[str, ErrorPage] = dataclasses.field(default_factory=dict)
    #: How its source is compared with what is true; None: it is not.
    drift: Drift | None = None
    #: What the outside may rely on.
    endpoints: tuple[Endpoint, ...] = ()
    databases: dict[str, Database] = dataclasses.field(default_factory=dict)

    def to_mapping(self, *, with_env: bool) -> dict[str, Any]:
        """Plain data for JSON and templates. Without env values it may be world-readable."""
        parts: dict[str, Any] = {**vars(self), "env": self.env if with_env else {}}
        parts["env_matrix"] = {name: key.to_mapping() for name, key in self.env_matrix.items()}
        parts["endpoints"] = [endpoint.written for endpoint in self.endpoints]
        # Through JSON, so that data from a file and data just read compare equal (lists, not tuples).
        data: dict[str, Any] = json.loads(json.dumps(parts, default=vars))
        # Leave out what the reader would reject or fill in by itself, so that the result can be read again.
        for kind in ("environments", "apps", "services", "databases"):
            for part in data[kind].values():
                del part["name"]
        # The reader adds them to what people name.
        data["secrets"] = [name for name in data["secrets"] if name not in self.addresses]
        data["databases"] = {name: written(self.databases[name], part) for name, part in data["databases"].items()}
        # Releases of before have none of these, and are the same.
        _drop_empty(data["environments"].values(), "canonical", "redirects", "origins")
        _drop_empty((route for app in data["apps"].values() for route in app["routes"]), "canonical", "until")
        for key in ("services", "volumes", "hooks", "error_pages", "drift", "endpoints", "databases"):
            if not data[key]:
                del data[key]
        if allow := data.pop("maintenance_allow"):
            data["maintenance"] = {"allow": allow}
        for app in data["apps"].values():
            _leave_out_defaults(app)
        return data

    @property
    def migrations(self) -> dict[str, Migrate]:
        """Those of its apps that have any."""
        return {app.name: app.migrate for app in self.apps.values() if app.migrate}

    @property
    def web_apps(self) -> list[App]:
        return [app for app in self.apps.values() if app.is_web]

    def with_image_of(self, names: Iterable[str]) -> tuple[str, ...]:
        """These apps and those that run the same images: they go together, for a release has one of each image. Names
        that are no apps stay where they are."""
        asked = tuple(names)
        builders = {self.apps[name].builder for name in asked if name in self.apps}
        more = [app.name for app in self.apps.values() if app.builder in builders and app.name not in asked]
        return (*asked, *more)

    def for_each(self, built: Mapping[str, str]) -> dict[str, str]:
        """What is known of images, by the apps that they are built for, by each app that runs them."""
        return {app.name: built[app.builder] for app in self.apps.values() if app.builder in built}

    def build_secrets_of(self, app: App) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.build_secrets, *app.build_secrets)))

    @property
    def all_build_secrets(self) -> frozenset[str]:
        """Variables that builds get, and no container."""
        return frozenset(name for app in self.apps.values() for name in self.build_secrets_of(app))

    def image(self, app: str, tag: str) -> str:
        return f"{app}:{tag}"

    def project(self, environment: EnvironmentName, slot: Slot) -> str:
        """The Compose project of a slot."""
        return f"{self.name}-{environment}-{slot}"

    def jobs_in(self, environment: EnvironmentName) -> dict[str, App]:
        return {name: app for name, app in self.apps.items() if app.is_job and environment in app.environments}

    def services_in(self, environment: EnvironmentName) -> dict[str, Service]:
        return {name: service for name, service in self.services.items() if environment in service.environments}

    @property
    def addresses(self) -> tuple[str, ...]:
        """Names of secrets that the host gives: the addresses of databases, and the variables with them."""
        here = {name: one for name, one in self.databases.items() if one.is_here}
        variables = (app.variable for app in self.apps.values() if app.database in here)
        return tuple(dict.fromkeys((*(name for one in here.values() for name in one.secrets), *variables)))

    def databases_in(self, environment: EnvironmentName) -> dict[str, Database]:
        return {name: one for name, one in self.databases.items() if environment in one.environments}

    def has_backups(self, environment: EnvironmentName) -> bool:
        """Whether anything of an environment is backed up."""
        mine = self.databases_in(environment).values() if self.databases else ()
        return any(one.backup for one in mine) or any(volume.backup for volume in self.volumes.values())

    def service_project(self, environment: EnvironmentName, service: str) -> str:
        """The Compose project of a service; no slot is called so."""
        return f"{self.name}-{environment}-service-{service}"

    def volume(self, environment: EnvironmentName, name: str) -> str:
        """What Docker calls a volume. No name has an underscore, so no two of these are the same."""
        return f"{self.name}_{environment}_{name}"

    def health_host(self, app: App, environment: EnvironmentName) -> str:
        """The name by which an app is asked whether it is healthy: one that its visitors use, if any is known."""
        names = self.environments[environment]
        known = [name for name in (app.health_host, names.canonical_host, *names.hosts) if name and "*" not in name]
        return known[0] if known else "localhost"

    def backend(self, environment: EnvironmentName, app: str, slot: Slot) -> str:
        """The router's backend of an app in a slot."""
        return f"{self.name}-{environment}-{app}-{slot}"

    def loopback_port(self, app: App, environment: EnvironmentName, slot: Slot) -> int:
        """The host's port of an app in a slot. An app that never runs twice has one port for both slots, so that the
        router waits on the same address while it is replaced."""
        return loopback_port(app.loopback_port, app.is_replaced_in_place, environment, slot)


def _leave_out_defaults(app: dict[str, Any]) -> None:
    """What an app has not of its own, as in releases of before there was any of it."""
    if not app["capabilities"]:
        # As in releases of before there were any, which would otherwise differ.
        del app["capabilities"]
    for key in ("port", "loopback_port") if app["kind"] != "web" else ():
        del app[key]
    if app["kind"] != "job" or app["environments"] == list(ENVIRONMENTS):
        del app["environments"]
    rare = ("build_secrets", "build_ignores", "health_status", "health_host", "health_command", "volumes")
    for key in (*rare, "image_of", "command", "schedule", "replicas", "migrate", *DATABASE_KEYS):
        if not app[key] or (key, app[key]) == ("replicas", 1):
            del app[key]  # releases of before have none, and are the same
    _drop_empty([app["migrate"]] if "migrate" in app else [], "down", "no_rehearsal")
    if "image_of" in app:
        for key in BUILD_KEYS:
            app.pop(key, None)


def _drop_empty(parts: Iterable[dict[str, Any]], *keys: str) -> None:
    for part in parts:
        for key in keys:
            if not part[key]:
                del part[key]


def loopback_port(first: int, in_place: bool, environment: EnvironmentName, slot: Slot) -> int:
    """A port within an app's block of ten, see docs/architecture.md."""
    return first + 2 * ENVIRONMENTS.index(environment) + (0 if in_place else SLOTS.index(slot))


def other_slot(slot: Slot) -> Slot:
    return SLOTS[1 - SLOTS.index(slot)]


def socket_path(stack: str, environment: EnvironmentName, app: str) -> str:
    return f"{HAPROXY_SOCKETS}/{stack}-{environment}-{app}.sock"


def check_path(app: App, route: Route) -> str:
    """The public path that must answer for the new release after a switch."""
    if route.check:
        return route.check
    if route.strip_path:
        return posixpath.join(route.path.rstrip("/") or "/", app.health.lstrip("/"))
    if route.path == "/":
        return app.health
    return route.path


def stripped(route: Route) -> str:
    """The prefix that the edge removes before an app gets a request."""
    return route.path if route.strip_path else ""


class Startable(Protocol):
    """An app or a service, as far as the order of starting is concerned."""

    @property
    def after(self) -> tuple[str, ...]: ...


def start_order(apps: Mapping[str, Startable], kind: str = "apps") -> list[list[str]]:
    """Apps in groups that may start together, each after the group before. Raises ValueError on a cycle."""
    waiting = {name: {other for other in app.after if other in apps} for name, app in apps.items()}
    groups: list[list[str]] = []
    while waiting:
        ready = [name for name, needs in waiting.items() if not needs]
        if not ready:
            raise ValueError(f"{kind} wait for each other: " + ", ".join(sorted(waiting)))
        groups.append(ready)
        for name in ready:
            del waiting[name]
        for needs in waiting.values():
            needs.difference_update(ready)
    return groups
