# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observing the host: the state that every plan is made from."""

from __future__ import annotations

from ..ports import Host
from ..releases.host_state import HostState
from ..stack.model import ENVIRONMENTS, Stack


def observe(host: Host, stack: Stack) -> HostState:
    """Read everything a plan may depend on, once."""
    entries = host.store.releases(stack)
    tags = {}
    for app in stack.apps:
        for tag in ("staging", "production", "rollback"):
            image = host.docker.image(stack.image(app, tag))
            if image is not None:
                tags[app, tag] = image.id
    wanted = {image for entry in entries for image in entry.release.images.values() if entry.status != "failed"}
    return HostState(
        entries=entries,
        live={environment: host.router.live(stack.name, environment) for environment in ENVIRONMENTS},
        containers={environment: host.docker.containers(stack.name, environment) for environment in ENVIRONMENTS},
        tags=tags,
        env={environment: host.store.config_env(stack, environment) for environment in ENVIRONMENTS},
        keys=host.store.key_fingerprints(stack),
        routes={environment: host.edge.wanted(stack, environment) for environment in ENVIRONMENTS},
        free_bytes=host.store.free_bytes(),
        memory_bytes=host.memory_bytes,
        now=host.clock.now(),
        images=frozenset(image for image in wanted if host.docker.image(image) is not None),
        secret_record=host.store.secret_record(stack),
    )
