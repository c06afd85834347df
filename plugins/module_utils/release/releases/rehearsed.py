# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release beside the slots, for a rehearsal: in a network of its own that leads nowhere, with none of its data."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from ..stack.databases import HOST
from ..stack.model import EnvironmentName, Stack
from .compose import LABEL

#: As a slot's: for the apps of one release and what is beside them.
PREFIX = 27
#: Around the block of its environment, so in the host's own pool wherever that is as large as it usually is.
_AROUND = 19
#: A share of the processor as small as Docker takes; what serves people has 1024.
_SHARES = 64
#: What an app finds in place of a volume, whoever it runs as.
_EMPTY = {"size": 256 * 2**20, "mode": 0o1777}
NETWORK_LABEL = f"{LABEL}.rehearsal"


def network_name(stack: Stack, environment: EnvironmentName) -> str:
    return f"{stack.name}-{environment}-rehearsal"


def network_labels(stack: Stack, environment: EnvironmentName) -> dict[str, str]:
    return {f"{LABEL}.stack": stack.name, f"{LABEL}.environment": environment, NETWORK_LABEL: "true"}


def free_subnet(block: str, taken: Iterable[str]) -> str:
    """Addresses that nothing on the host has, near those of its environment; empty if there are none."""
    others = [ipaddress.IPv4Network(text) for text in taken]
    around = ipaddress.IPv4Network(block).supernet(new_prefix=_AROUND)
    for subnet in reversed(list(around.subnets(new_prefix=PREFIX))):
        if not any(map(subnet.overlaps, others)):
            return str(subnet)
    return ""


def gateway_of(subnet: str) -> str:
    """The address that the host has in a network, as Docker gives it."""
    return str(ipaddress.IPv4Network(subnet)[1])


def isolated(slot: Mapping[str, Any], network: str, gateway: str) -> dict[str, Any]:
    """The Compose file of a slot for a rehearsal."""
    services = {name: _alone(item, gateway) for name, item in slot["services"].items()}
    return {**slot, "services": services, "networks": {"default": {"name": network}}}


def _alone(item: Mapping[str, Any], gateway: str) -> dict[str, Any]:
    others = [line for line in item.get("extra_hosts", []) if not str(line).startswith(f"{HOST}:")]
    return {
        **{key: value for key, value in item.items() if key not in ("ports", "volumes", "networks")},
        "extra_hosts": [*others, f"{HOST}:{gateway}"],
        "cpu_shares": _SHARES,
        "volumes": [_empty(volume) for volume in item.get("volumes", [])],
    }


def _empty(volume: Any) -> Any:
    """Files of the host, which are read-only, stay; data of the environment is nobody's to try something on."""
    if isinstance(volume, Mapping) and volume.get("type") == "volume":
        return {"type": "tmpfs", "target": volume["target"], "tmpfs": dict(_EMPTY)}
    return volume
