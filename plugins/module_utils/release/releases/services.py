# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service as Compose runs it: one project for each, in the networks of both slots of its environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..env.env_file import fingerprint, format_env
from ..stack.app_env import service_values
from ..stack.model import SLOTS, EnvironmentName, Service, Slot, Stack
from ..stack.networks import network_of
from .compose import LABEL, declared_volumes, escaped, mounts, network_name, slot_labels
from .limits import Limits

#: The label that tells a service's container from one of an app.
SERVICE = f"{LABEL}.service"
CREATED_FROM = f"{LABEL}.created-from"


@dataclass(frozen=True)
class Wanted:
    """A service of an environment as it should be. `created_from` is a fingerprint of all of it."""

    service: Service
    created_from: str
    compose: dict[str, Any]
    env: bytes

    @property
    def name(self) -> str:
        return self.service.name

    @property
    def image(self) -> str:
        return str(self.compose["image"])


@dataclass(frozen=True)
class SlotNetwork:
    """A network that is to be there before a service is."""

    name: str
    subnet: str
    labels: dict[str, str]


def slot_networks(stack: Stack, environment: EnvironmentName, block: str) -> list[SlotNetwork]:
    """The networks of both slots. Whoever makes one first, the engine for a service or Compose for a release, the other
    takes it for its own: it carries Compose's marks."""
    return [
        SlotNetwork(
            network_name(stack, environment, slot, block),
            network_of(block, slot),
            {
                **slot_labels(stack, environment, slot),
                "com.docker.compose.project": stack.project(environment, slot),
                "com.docker.compose.network": "default",
            },
        )
        for slot in SLOTS
    ]


def volume_labels(stack: Stack, environment: EnvironmentName, volume: str) -> dict[str, str]:
    return {
        f"{LABEL}.stack": stack.name,
        f"{LABEL}.environment": environment,
        f"{LABEL}.volume": volume,
        f"{LABEL}.backup": "true" if stack.volumes[volume].backup else "false",
    }


def wanted(
    stack: Stack,
    environment: EnvironmentName,
    env: Mapping[str, bytes],
    block: str,
    memory_bytes: int,
    built: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Wanted]:
    """The services of an environment, with today's values. `built` has the images of those that are built."""
    limits = Limits.of_host(memory_bytes)
    found = {}
    for name, service in stack.services_in(environment).items():
        values = format_env(service_values(stack, name, environment, env), f"env of {name}").encode()
        item = _item(stack, environment, service, block, limits)
        item["image"] = service.image or built.get(name, "")
        created_from = fingerprint(json.dumps([item, fingerprint(values)], sort_keys=True))
        found[name] = Wanted(service, created_from, item, values)
    return found


def _item(stack: Stack, environment: EnvironmentName, service: Service, block: str, limits: Limits) -> dict[str, Any]:
    item: dict[str, Any] = {
        "image": service.image,
        "pull_policy": "never",
        "restart": "unless-stopped",
        "environment": dict(service.environment),
        "stop_grace_period": f"{service.stop_seconds}s",
        "security_opt": ["no-new-privileges:true"],
        "labels": {f"{LABEL}.stack": stack.name, f"{LABEL}.environment": environment, SERVICE: service.name},
        # Compose gives it its name in each of them. It is no way from one slot to the other: it forwards nothing.
        "networks": [network_key(slot) for slot in SLOTS],
        **limits.keys(service, {}),
    }
    if service.command:
        item["command"] = list(service.command)
    if service.user is not None:
        item["user"] = str(service.user)
    if service.volumes:
        item["volumes"] = mounts(stack, environment, service.volumes)
    # Where the networks are is part of what it was created from.
    item["labels"][f"{LABEL}.block"] = block
    return item


def network_key(slot: Slot) -> str:
    return f"slot-{slot}"


def service_file(stack: Stack, environment: EnvironmentName, one: Wanted, env_file: str, block: str) -> dict[str, Any]:
    """The Compose file of one service, whose values are in `env_file`."""
    item = {
        **one.compose,
        "env_file": [env_file],
        "labels": {**one.compose["labels"], CREATED_FROM: one.created_from},
    }
    networks = {
        network_key(slot): {"name": network_name(stack, environment, slot, block), "external": True} for slot in SLOTS
    }
    services = {one.name: escaped(item)}
    return {
        "name": stack.service_project(environment, one.name),
        "services": services,
        "networks": networks,
        **declared_volumes(services),
    }
