# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observing the host: the state that every plan is made from."""

from __future__ import annotations

from ..planning.witnesses import sentence
from ..ports import Host
from ..releases.history import find
from ..releases.host_state import HostState
from ..releases.release import Entry, Live
from ..releases.replicas import Scales, counts_of
from ..releases.runtime import Container
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from . import witnesses


def observe(host: Host, stack: Stack) -> HostState:
    """Read everything a plan may depend on, once."""
    entries = witnesses.entries(host, stack.name)
    containers: dict[str, list[Container]] = {
        environment: host.docker.containers(stack.name, environment) for environment in ENVIRONMENTS
    }
    live: dict[str, Live | None] = {}
    disputes: dict[str, tuple[str, ...]] = {}
    for environment in ENVIRONMENTS:
        file = host.router.file(stack.name, environment)
        if not file.trouble and not witnesses.is_settled(host, stack.name, environment):
            live[environment] = file.live
            continue
        placed = [container.place for container in containers[environment]]
        found = witnesses.verdict(host, stack.name, environment, entries, placed)
        live[environment], entries = found.live, found.apply(entries)
        if not found.is_unanimous:
            disputes[environment] = (sentence(found),)
    tags = {}
    # Also of apps that the inventory has taken out: they are live until a release without them is.
    for app in dict.fromkeys((*stack.apps, *(app for entry in entries for app in entry.release.images))):
        for tag in ("staging", "production", "rollback"):
            image = host.docker.image(stack.image(app, tag))
            if image is not None:
                tags[app, tag] = image.id
    scales = host.store.scales(stack.name)
    wanted = {image for entry in entries for image in entry.release.images.values() if entry.status != "failed"}
    return HostState(
        entries=entries,
        live=live,
        containers=containers,
        names=tuple(host.store.release_names(stack.name)),
        disputes=disputes,
        tags=tags,
        env={environment: host.store.config_env(stack, environment) for environment in ENVIRONMENTS},
        keys=host.store.key_fingerprints(stack),
        routes={environment: host.edge.wanted(stack, environment) for environment in ENVIRONMENTS},
        free_bytes=host.store.free_bytes(),
        memory_bytes=host.memory_bytes,
        now=host.clock.now(),
        images=frozenset(image for image in wanted if host.docker.image(image) is not None),
        secret_record=host.store.secret_record(stack),
        reach={environment: host.router.reach(stack.name, environment) for environment in ENVIRONMENTS},
        taken={environment: _taken(host, stack, environment) for environment in ENVIRONMENTS},
        scales=scales,
        replicas={
            name: _replicas(host, stack.name, name, now, seen)
            for name in ENVIRONMENTS
            if (now := live[name]) is not None
            and (seen := _several(containers[name], now, find(entries, now.release), scales.get(name, {}))) is not None
        },
    )


def _several(seen: list[Container], live: Live, entry: Entry | None, scales: Scales) -> list[Container] | None:
    """The containers of the live release; None where no app can have several, and nothing more is asked."""
    apps = entry.release.definition.get("apps", {}).values() if entry else ()
    mine = [container for container in seen if (container.slot, container.release) == (live.slot, live.release)]
    there = scales or any("replicas" in app for app in apps) or any(container.replica > 1 for container in mine)
    return mine if there else None


def _replicas(
    host: Host, stack: str, environment: EnvironmentName, live: Live, mine: list[Container]
) -> dict[str, int]:
    """How many containers the live slot was given of each app that has several."""
    found = counts_of(host.store.slot_compose(stack, environment, live.slot), live.release)
    if not found:
        # The files are lost; these know it too.
        found = {app: at.replicas for app, at in host.router.reach(stack, environment).get(live.slot, {}).items()}
        for container in mine:
            found[container.app] = max(found.get(container.app, 1), container.replica)
    return {app: number for app, number in found.items() if number > 1}


def _taken(host: Host, stack: Stack, environment: EnvironmentName) -> dict[int, str]:
    """Ports that live releases of other environments and stacks have: an app keeps its ports until its release is gone,
    also when the inventory has given them to another one."""
    found = {}
    for name in host.stacks.names():
        for other in ENVIRONMENTS:
            live = None if (name, other) == (stack.name, environment) else host.router.live(name, other)
            if live is not None:
                apps = host.router.reach(name, other).get(live.slot, {})
                found.update({at.port: f"{app} of {name} {other}" for app, at in apps.items()})
    return found
