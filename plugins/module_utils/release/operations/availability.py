# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which public addresses the availability probes request while an operation runs."""

from __future__ import annotations

from ..releases.runtime import ProbeTarget
from ..stack.model import EnvironmentName, Stack, check_path


def probe_targets(stack: Stack, environment: EnvironmentName) -> list[ProbeTarget]:
    """One target for each app, on one public port: the TLS port if there is one, as the others redirect to it."""
    public = stack.environments[environment]
    host = public.hosts[0] if public.hosts else "localhost"
    port, tls = public.listeners[-1] if public.tls else public.listeners[0]
    site = f"{stack.name}-{environment}"
    return [
        ProbeTarget(port, app.routes[0].host or host, check_path(app, app.routes[0]), tls, site)
        for app in stack.web_apps
    ]
