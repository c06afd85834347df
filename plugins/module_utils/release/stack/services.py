# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the services and volumes of a stack."""

from __future__ import annotations

import re
from typing import Any

from ..errors import Problem
from ..util.fields import Fields
from .jobs import read_environments
from .model import NAME, Service, ServiceHealth, Volume
from .parts import PATH, SOURCE_PATH, read_capabilities, read_limits, read_mounts

#: An image by its digest, or one of this host by its ID. What a tag names may be another image tomorrow.
IMAGE = r"([A-Za-z0-9][A-Za-z0-9._:/-]*@)?sha256:[0-9a-f]{64}"
_IMAGE_FIX = (
    "write `name@sha256:…`; `docker buildx imagetools inspect <name>:<tag>` tells the digest. An image that was loaded "
    "on the host has its ID, `sha256:…`"
)
_HEALTH_FIX = "for example `health: {port: 6379}`, `{port: 8080, path: /ready}` or `{command: [redis-cli, ping]}`"
#: What people know from Compose, and why a service does not have it.
_NOT_HERE = {
    "ports": ("is not possible: apps reach a service by its name, and nothing else does", "remove it"),
    "compose": ("is for apps", "use the keys of a service"),
    "build": ("is not known here", "use `context`, `dockerfile`, `build_target`, `build_arguments`"),
    "replicas": ("is not possible: an environment has one of each service", "remove it"),
}


def read_volume(name: str, data: Any, where: str, problems: list[Problem]) -> Volume:
    fields = Fields({} if data is None else data, where, problems)
    _check_name(fields, name, "a volume")
    # In two steps, for the numbers of `integer` have no other way to say that one is missing.
    user = fields.integer("user", 0, 0, 2**31 - 1, required=True)
    volume = Volume(user=user, backup=fields.boolean("backup", False))
    fields.no_others()
    return volume


def read_service(name: str, data: Any, where: str, problems: list[Problem]) -> Service:
    fields = Fields(data, where, problems)
    _check_name(fields, name, "a service")
    for key, (what, fix) in _NOT_HERE.items():
        if fields.value(key) is not None:
            fields.note(key, what, fix)
    user = fields.integer("user", -1, 0, 2**31 - 1)
    service = Service(
        name=name,
        image=_read_image(fields),
        health=_read_health(fields, problems),
        context=fields.text("context", pattern=SOURCE_PATH, hint="a folder inside the repository"),
        dockerfile=fields.text("dockerfile", "Dockerfile", pattern=SOURCE_PATH),
        build_target=fields.text("build_target", pattern=r"[A-Za-z0-9._-]+"),
        build_arguments=fields.values("build_arguments"),
        command=fields.texts("command"),
        environment=fields.values("environment"),
        volumes=read_mounts(fields),
        user=None if user < 0 else user,
        **read_limits(fields),
        capabilities=read_capabilities(fields, "a service has no others"),
        health_seconds=fields.integer("health_seconds", 60, 1, 1800),
        stop_seconds=fields.integer("stop_seconds", 10, 1, 600),
        after=fields.texts("after"),
        environments=read_environments(fields, "service"),
    )
    fields.no_others()
    return service


def _check_name(fields: Fields, name: str, kind: str) -> None:
    if not re.fullmatch(NAME, name):
        fields.note("", f"{name!r} is not a name for {kind}", "lower-case letters, digits and single hyphens")


def _read_image(fields: Fields) -> str:
    image = fields.text("image")
    if fields.value("context"):
        if image:
            fields.note("image", "does not go with `context`", "choose an image, or a folder that it is built from")
    elif not image:
        fields.note("image", "is missing", f"{_IMAGE_FIX}; or `context`, the folder that it is built from")
    elif not re.fullmatch(IMAGE, image):
        fields.note("image", f"{image!r} names no digest, so it may be another image tomorrow", _IMAGE_FIX)
    return image


def _read_health(fields: Fields, problems: list[Problem]) -> ServiceHealth:
    data = fields.value("health")
    if data is None:
        fields.note("health", "is missing", _HEALTH_FIX)
        return ServiceHealth()
    inner = Fields(data, f"{fields.where}.health", problems)
    health = ServiceHealth(
        port=inner.integer("port", 0, 0, 65535),
        path=inner.text("path", pattern=PATH + r"(\?[^\s#]*)?"),
        command=inner.texts("command"),
    )
    inner.no_others()
    if not health.port and not health.command:
        inner.note("", "asks nothing" if not health.path else "has a path and no port", _HEALTH_FIX)
    elif health.port and health.command:
        inner.note("", "has a port and a command", f"choose one of them, {_HEALTH_FIX}")
    return health
