# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which public addresses the availability probes request while an operation runs."""

from __future__ import annotations

import dataclasses

from ..releases.release import Release
from ..releases.runtime import ProbeTarget
from ..releases.slot import day_of
from ..stack.edge_view import routes_in
from ..stack.model import App, EnvironmentName, Route, Stack, check_path, stripped


def probe_targets(stack: Stack, environment: EnvironmentName, live: Release | None, new: Release) -> list[ProbeTarget]:
    """The addresses that both the live release and the new one answer. What only one of them has comes or goes on
    purpose, and before the first release nothing can be lost."""
    if live is None:
        return []
    there = set(_targets(stack, environment, live))
    return [target for target in _targets(stack, environment, new) if target in there]


def _targets(stack: Stack, environment: EnvironmentName, release: Release) -> list[ProbeTarget]:
    """One for each app, on one public port: the TLS port if there is one, as the others redirect to it."""
    day = day_of(release, stack)
    public = dataclasses.replace(day.environments[environment], tls=stack.environments[environment].tls)
    host = public.hosts[0] if public.hosts else "localhost"
    port, tls = public.listeners[-1] if public.tls else public.listeners[0]
    site = f"{stack.name}-{environment}"
    # The first that stays: one that ends meanwhile is no outage.
    first: dict[str, tuple[App, Route, str]] = {}
    for app, route, its in routes_in(day, public):
        if not route.until and app.name in release.services:
            first.setdefault(app.name, (app, route, its))
    return [
        ProbeTarget(port, its or host, check_path(app, route), tls, site, stripped(route))
        for app, route, its in first.values()
    ]
