# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions of stacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from release.operations import databases
from release.ports import Survey
from release.releases.backups import BackupSet
from release.releases.databases import FoundCluster, Kept, Login
from release.releases.lock_holder import LockHolder
from release.stack.model import ENVIRONMENTS, Stack
from release.stack.reader import read_stack

if TYPE_CHECKING:
    from fakes.world import World


def route(path: str, strip: bool = False) -> dict[str, Any]:
    return {"path": path, "strip_path": strip}


def shop_definition(in_place: bool = False) -> dict[str, Any]:
    """A stack with two web apps and a worker that must be up before the first. With `in_place`, one app of each kind
    that must never run twice."""
    apps: dict[str, Any] = {
        "api": {
            "context": "api",
            "port": 3000,
            "loopback_port": 21000,
            "health": "/health",
            "health_seconds": 5,
            "routes": [route("/")],
            "keys": "private",
            "after": ["mail"],
        },
        "front": {
            "context": "front",
            "port": 3000,
            "loopback_port": 21010,
            "health": "/ready",
            "health_seconds": 5,
            "routes": [route("/front", True)],
        },
        "mail": {"context": "mail", "kind": "worker", "health_seconds": 5},
    }
    if in_place:
        apps["front"]["replace"] = "stop_first"
        apps["mail"]["replace"] = "stop_first"
        apps["api"]["after"] = []
        apps["front"]["after"] = ["mail"]
    return {
        "directory": "/srv/shop",
        "environments": {"staging": {"ports": [8100]}, "production": {"ports": [8200, 80]}},
        "keys": {"mount": "/keys"},
        "env": {
            "common": {"DATABASE_URL": "db://1", "COLOUR": "blue"},
            "staging": {"PUBLIC_URL": "http://staging"},
            "production": {"PUBLIC_URL": "http://production"},
        },
        "secrets": ["DATABASE_URL"],
        "watch_seconds": 0,
        "disk_floor_gb": 1,
        "apps": apps,
    }


def shop_with_endpoints(in_place: bool = False, **first: Any) -> dict[str, Any]:
    """The same stack, which promises its visitors something."""
    definition = shop_definition(in_place)
    definition["endpoints"] = [
        {"name": "api", "path": "/health", "expect": {"json": {"status": "ok"}}, **first},
        {"name": "front", "path": "/front/ready", "expect": {"json": {"status": "ok", "app": "front"}}},
        {"name": "old host", "host": "old.shop.example", "path": "/old", "when": ["verify"], "expect": {"status": 200}},
    ]
    return definition


def changed_stack(world: World, **apps: Mapping[str, Any]) -> Stack:
    """The world's stack with other settings for some apps, as after a change in group_vars and provision.yml."""
    mapping = world.stack.to_mapping(with_env=True)
    for name, settings in apps.items():
        mapping["apps"][name] = {**mapping["apps"].get(name, {}), **settings}
    return dataclasses.replace(read_stack("shop", mapping), name=world.stack.name)


def changed_service(world: World, name: str, **settings: Any) -> Stack:
    """The same with other settings for a service."""
    mapping = world.stack.to_mapping(with_env=True)
    mapping["services"][name] = {**mapping["services"][name], **settings}
    return dataclasses.replace(read_stack("shop", mapping), name=world.stack.name)


def renamed(world: World, old: str, new: str, **settings: Any) -> Stack:
    """The world's stack with an app under another name, in the same place."""
    mapping = world.stack.to_mapping(with_env=True)
    mapping["apps"] = {new if name == old else name: app for name, app in mapping["apps"].items()}
    mapping["apps"][new] = {**mapping["apps"][new], **settings}
    for app in mapping["apps"].values():
        app["after"] = [new if name == old else name for name in app["after"]]
    return dataclasses.replace(read_stack("shop", mapping), name=world.stack.name)


MATRIX: dict[str, Any] = {
    "DATABASE_URL": {"class": "secret", "same": True, "apps": ["api", "mail"]},
    "COLOUR": {},
    "PUBLIC_URL": {"class": "public", "type": "url", "distinct": True},
    "LIMIT": {"type": "integer", "default": "5", "apps": ["api"]},
}


def shop_with_matrix(**changes: Any) -> dict[str, Any]:
    return {**shop_definition(), "env_matrix": {**MATRIX, **changes}}


def with_tls(tls: Any, **more: Any) -> dict[str, Any]:
    data = shop_definition()
    data["environments"]["production"].update(tls=tls, **more)
    return data


REDIS = "redis@sha256:" + "a" * 64
SEARCH = "search@sha256:" + "b" * 64
BLOCKS: dict[Any, str] = {"staging": "172.16.224.0/26", "production": "172.16.224.64/26"}


def shop_with_services(in_place: bool = False, **services: Any) -> dict[str, Any]:
    """The shop with Redis, and a search engine that starts after it; both slots share what is uploaded."""
    definition = shop_definition(in_place)
    definition["volumes"] = {"data": {"user": 999, "backup": True}, "uploads": {"user": 10001}}
    definition["services"] = {
        "redis": {"image": REDIS, "volumes": {"data": "/data"}, "health": {"port": 6379}, "health_seconds": 5},
        "search": {
            "image": SEARCH,
            "health": {"port": 9200, "path": "/ready"},
            "after": ["redis"],
            "health_seconds": 5,
        },
        **services,
    }
    definition["apps"]["api"]["volumes"] = {"uploads": "/uploads"}
    return definition


def shop_with_processes(in_place: bool = False, **jobs: Any) -> dict[str, Any]:
    """The shop with a worker that runs the image of the API."""
    definition = shop_definition(in_place)
    worker = {
        "image_of": "api",
        "kind": "worker",
        "command": ["node", "jobs.js"],
        "health_seconds": 5,
        "after": ["mail"],
    }
    definition["apps"]["jobs"] = {**worker, **jobs}
    if in_place:
        definition["apps"]["jobs"]["replace"] = "stop_first"
    return definition


def shop_with_jobs(in_place: bool = False, **jobs: Any) -> dict[str, Any]:
    """The shop with jobs: two by schedule, of which one has an image of its own and is for production alone, one before
    each switch and one after it."""
    definition = shop_definition(in_place)
    definition["apps"] |= {
        "digest": {
            "kind": "job",
            "image_of": "api",
            "command": ["node", "digest.js"],
            "schedule": "Mon..Fri 06:00 Asia/Seoul",
        },
        "report": {
            "kind": "job",
            "context": "report",
            "schedule": "hourly UTC",
            "timeout_seconds": 20,
            "environments": ["production"],
        },
        "migrate": {"kind": "job", "image_of": "api", "command": ["node", "migrate.js"], "timeout_seconds": 20},
        "smoke": {"kind": "job", "image_of": "api", "command": ["node", "smoke.js"], "timeout_seconds": 20},
    }
    definition["hooks"] = {"before_switch": ["migrate"], "after_switch": ["smoke"]}
    for name, settings in jobs.items():
        definition["apps"][name] = {**definition["apps"].get(name, {}), **settings}
    return definition


def shop_with_replicas(api: int = 2, mail: int = 2) -> dict[str, Any]:
    """The shop with several containers of its API and of its worker."""
    definition = shop_definition()
    definition["apps"]["api"]["replicas"] = api
    definition["apps"]["mail"]["replicas"] = mail
    return definition


MIGRATE: dict[str, Any] = {
    "command": ["migrate"],
    "revision": ["revision"],
    "target": ["target"],
    "timeout_seconds": 60,
    "retries": 2,
}


def shop_with_migrations(in_place: bool = False, **changes: Any) -> dict[str, Any]:
    """The shop whose API has a database."""
    definition = shop_definition(in_place)
    definition["apps"]["api"]["migrate"] = {**MIGRATE, **changes}
    return definition


def shop_with_backups(in_place: bool = False, **changes: Any) -> dict[str, Any]:
    """The shop whose API migrates a database of the host that is backed up."""
    definition = shop_with_migrations(in_place, **changes)
    definition["env_matrix"] = {"API_TOKEN": {"class": "secret", "optional": True}, "COLOUR": {"optional": True}}
    definition["env"], definition["secrets"] = {}, []
    definition["databases"] = {"main": {"backup": {}}}
    definition["apps"]["api"]["database"] = "main"
    return definition


def host_with_an_archive(world: World) -> None:
    """What provisioning and the first night provide."""
    host_with_backups(world)
    now = int(world.clock.time)
    for environment in ENVIRONMENTS:
        name = f"shop_{environment}_main"
        world.backups.sets[name] = [BackupSet(f"{name}F", "full", now - 7200, now - 3600, 10**9, 10**8)]


def host_with_backups(world: World) -> None:
    """What provisioning provides."""
    host_with_addresses(world)
    kept = Kept("17", 5433, 1, Login("owner-password", "00" * 16), Login("app-password", "00" * 16))
    world.store.kept["shop"] = {
        name: {"main": dataclasses.replace(kept, port=5433 + number)} for number, name in enumerate(ENVIRONMENTS)
    }
    for number, name in enumerate(ENVIRONMENTS):
        cluster = f"shop_{name}_main"
        world.database.found[cluster] = FoundCluster("17", cluster, 5433 + number, runs=True)


def host_with_addresses(world: World) -> None:
    """What provisioning provides."""
    world.store.blocks["shop"] = dict(BLOCKS)


def host_with_services(world: World) -> None:
    """What provisioning and a registry provide."""
    world.store.blocks["shop"] = dict(BLOCKS)
    world.docker.registry = {REDIS, SEARCH}


def shop_with_flags(**declared: Any) -> Any:
    definition = shop_definition()
    definition["apps"]["api"]["flags"] = {"battle": None, "beta": {"default": False}, **declared}
    definition["apps"]["mail"]["flags"] = {"battle": None}
    return read_stack("shop", definition)


class FakeStacks:
    """The one stack of the world, as it was provisioned."""

    def __init__(self, world: World) -> None:
        self.world = world

    def names(self) -> list[str]:
        return [self.world.stack.name]

    def choose(self, name: str) -> str:
        return name or self.world.stack.name

    def load(self, name: str) -> Stack:
        return self.world.stack

    def definition(self, name: str) -> Stack:
        return self.world.stack

    def survey(self, name: str = "") -> Survey:
        return Survey([self.world.stack], [])


ONE_WORKER = read_stack(
    "shop",
    {
        "directory": "/srv/shop",
        "environments": {"staging": {"ports": [8100]}, "production": {"ports": [8200]}},
        "disk_floor_gb": 5,
        "apps": {"mail": {"context": "mail", "kind": "worker"}},
    },
)


def shop_with_databases() -> dict[str, Any]:
    """The shop with a database of each engine; its api uses the one that the host has."""
    definition = shop_definition()
    definition["env_matrix"] = {
        "API_TOKEN": {"class": "secret", "optional": True},
        "FAR_URL": {"class": "secret", "type": "url", "optional": True},
        "FAR_OWNER_URL": {"class": "secret", "type": "url", "optional": True},
    }
    definition["env"], definition["secrets"] = {}, []
    definition["volumes"] = {"data": {"user": 10001}}
    definition["databases"] = {
        "main": {},
        "lite": {"engine": "sqlite", "volume": "data"},
        "far": {"engine": "external", "url": "FAR_URL", "owner_url": "FAR_OWNER_URL"},
    }
    definition["apps"]["api"]["database"] = "main"
    return definition


def shop_with_schema(in_place: bool = False, **changes: Any) -> dict[str, Any]:
    """The shop whose API has a cluster's database, and migrations that can be taken back."""
    definition = shop_with_databases()
    definition["apps"] = {**shop_definition(in_place)["apps"]}
    definition["apps"]["api"] |= {"database": "main", "migrate": {**MIGRATE, "down": ["down", "{revision}"], **changes}}
    return definition


def host_with_clusters(world: World) -> None:
    """What provisioning provides for it."""
    host_with_addresses(world)
    host = dataclasses.replace(world.host, memory_bytes=4 * 2**30)
    databases.provide(host, databases.Asked([world.stack]), LockHolder.from_json({}))
