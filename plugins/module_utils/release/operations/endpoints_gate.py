# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate of a promote that asks, in staging, what production will promise to the outside."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ..planning import gates
from ..ports import Host
from ..releases.host_state import HostState
from ..releases.request import Request
from ..releases.slot import day_of
from ..stack.model import Stack
from ..util.lazy import lazy_part

if TYPE_CHECKING:
    from . import endpoints
else:
    endpoints = lazy_part(".endpoints", __package__)


def gate(host: Host, stack: Stack, state: HostState, request: Request) -> list[gates.Gate]:
    """Today's endpoints, since the new release gets these, asked where the one in staging is reached."""
    live, entry = state.live["staging"], state.live_entry("staging")
    if live is None or not any(endpoint.is_for("staging", "gate") for endpoint in stack.endpoints):
        return []
    reached = day_of(entry.release, stack) if entry else stack
    asked = dataclasses.replace(stack, environments=reached.environments)
    return gates.endpoints_hold(
        endpoints.Endpoints(host, asked, stack, "staging", live).ask("gate"), request.skip_gates
    )
