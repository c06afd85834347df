# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of services that are built from the stack's source: in staging by the engine, in production what staging runs.

Builds know how to build an app. So they get the stack with these services in place of its apps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from ..errors import Problem, RefusedError
from ..hints import hint
from ..ports import Host
from ..process.journal import Journal
from ..releases.request import Request
from ..stack.model import App, EnvironmentName, Service, Stack
from . import build
from .observe import observe


def resolve(
    host: Host,
    stack: Stack,
    environment: EnvironmentName,
    names: Collection[str],
    journal: Journal,
    *,
    write: bool = True,
) -> dict[str, str]:
    """The images of these services, which are built unless they are there. Without `write` what would be built is only
    named. Raises RefusedError or OperationError."""
    mine = {
        name: service for name, service in stack.services_in(environment).items() if name in names and service.context
    }
    tried = {
        name for name, service in mine.items() if environment == "production" and "staging" in service.environments
    }
    found = _of_staging(host, stack, tried) if tried else {}
    if left := {name: service for name, service in mine.items() if name not in tried}:
        found |= _built(host, stack, environment, left, journal, write=write)
    return found


def _of_staging(host: Host, stack: Stack, names: Collection[str]) -> dict[str, str]:
    """Production gets what staging has tried, as it does with apps."""
    found = {c.app: c.image for c in host.docker.services(stack.name, "staging") if c.app in names}
    if lost := sorted(set(names) - set(found)):
        what = f"{', '.join(lost)} has no image yet: production runs what staging runs, and there is none"
        raise RefusedError([Problem(what, f"stack {stack.name} staging", hint("services", where="staging"))])
    return found


def _built(
    host: Host,
    stack: Stack,
    environment: EnvironmentName,
    services: dict[str, Service],
    journal: Journal,
    *,
    write: bool,
) -> dict[str, str]:
    # The checkout for people shows what apps were built from.
    apps = {name: _as_app(service) for name, service in services.items()}
    like = dataclasses.replace(stack, apps=apps, build_secrets=(), checkout=False)
    request = Request("deploy", environment, person="", host="")
    source = build.find_source(host, like, observe(host, like), request, journal)
    if not write:
        known, _tags = build.find_images(host, like, request, source)
        return {name: known.get(name, f"(built from {source.commit[:12]})") for name in services}
    with journal.step("build", f"build {', '.join(services)}"):
        return build.build(host, like, request, source, journal, env={}, begins=lambda: None)[0]


def _as_app(service: Service) -> App:
    return App(
        name=service.name,
        kind="worker",
        context=service.context,
        dockerfile=service.dockerfile,
        build_target=service.build_target,
        build_arguments=service.build_arguments,
        port=0,
        loopback_port=0,
        health="",
        health_seconds=0,
        routes=(),
        keys="none",
        user=None,
        memory="",
        cpus="",
        pids=0,
        environment={},
        compose={},
        drain_seconds=0,
        stop_seconds=0,
        timeout_seconds=0,
        body_limit="",
        after=(),
        replace="start_first",
    )
