# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of services that are built from the source: in staging by the engine, in production what staging runs."""

from __future__ import annotations

from collections.abc import Collection

from ..errors import Problem, RefusedError
from ..hints import hint
from ..ports import Host
from ..process.journal import Journal
from ..releases.request import Request
from ..stack.image_source import of_service
from ..stack.model import EnvironmentName, Service, Stack
from . import build


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
    images = [of_service(stack, service) for service in services.values()]
    problems: list[Problem] = []
    commit = build.fetch(host, stack, stack.version, journal, problems)
    source = build.look_at(host, stack, (stack.version, commit), images, problems)
    if problems:
        raise RefusedError(problems)
    request = Request("deploy", environment, person="", host="")
    if not write:
        known, _tags = build.find_images(host, stack, request, source)
        return {name: known.get(name, f"(built from {source.commit[:12]})") for name in services}
    with journal.step("build", f"build {', '.join(services)}"):
        # The checkout for people stays at what apps were built from.
        return build.build(host, stack, request, source, journal, env={}, begins=lambda: None)[0]
