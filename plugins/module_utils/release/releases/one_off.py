# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Compose file of a one-off run, made from that of a slot which has its release."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .compose import LABEL, declared_volumes, escaped
from .runs import RUN, Run

#: Of the container of an app what one that runs once has not, or has of its own.
_NOT_ONCE = ("ports", "restart", "healthcheck", "depends_on", "networks", "scale")
_SLOT_LABELS = (f"{LABEL}.slot", f"{LABEL}.created-from")


def one_off_file(slot: Mapping[str, Any], run: Run, limits: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """The Compose file of a run. `slot` is the one of a slot that has the release of the run, so that image, values,
    volumes and limits are those of its app; `limits` are keys of Compose that are to be others.

    It is in the slot's network and reaches what the app reaches. Nothing reaches it: it has no port, and no name that
    an app has."""
    kept: Mapping[str, Any] = slot["services"][run.app]
    labels = {name: text for name, text in kept.get("labels", {}).items() if name not in _SLOT_LABELS}
    item = {
        **{key: value for key, value in kept.items() if key not in _NOT_ONCE},
        **limits,
        "restart": "no",
        # The image's own check asks for an app that goes on running.
        "healthcheck": {"disable": True},
        "stop_grace_period": f"{run.stop_seconds}s",
        "labels": {**labels, RUN: run.id},
    }
    if run.command:
        item["command"] = escaped(list(run.command))
    services = {run.service: item}
    network = slot.get("networks", {}).get("default", {}).get("name") or f"{slot['name']}_default"
    return {
        # Compose takes no dot there.
        "name": f"{run.stack}-run-{run.id}".lower().replace(".", "_"),
        "services": services,
        "networks": {"default": {"name": network, "external": True}},
        **declared_volumes(services),
    }
