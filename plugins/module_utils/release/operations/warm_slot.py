# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping the old slot running as a warm standby, and stopping it when that time is over."""

from __future__ import annotations

from ..errors import OperationError
from ..ports import Host
from ..releases.history import find
from ..releases.plan import Plan
from ..releases.slot import day_of
from ..stack.model import EnvironmentName, Stack
from . import witnesses


def seconds(stack: Stack, plan: Plan) -> int:
    """How many seconds the old slot keeps running; 0 if the operation itself drains and stops it. `stack` is as the
    release in that slot defines it.

    Never shorter than its open requests may take. If the release was running all along (a warm rollback), the operation
    only switches traffic, so nobody waits for the slot it came from.
    """
    drain = max((app.drain_seconds for app in stack.web_apps), default=0)
    if plan.warm_seconds:
        return max(plan.warm_seconds, drain)
    return max(drain, 1) if plan.start == "running" else 0


def keep(host: Host, stack: Stack, plan: Plan, seconds: int) -> str:
    """Record until when the old slot stays warm, and schedule its stop. The record survives a reboot.

    Returns why it cannot be kept: without a timer to stop it, it must not keep running.
    """
    if plan.was is None:
        return "nothing was live before"
    until = host.clock.now() + seconds
    host.store.set_warm(stack, plan.environment, {"slot": plan.was.slot, "release": plan.was.release, "until": until})
    try:
        host.timer.arm(stack.name, plan.environment, seconds)
    except OperationError as error:
        return f"{error.what}: {error.cause}"
    return ""


def expire_standby(host: Host, stack: Stack, environment: EnvironmentName) -> str:
    """Stop a warm slot whose time is over; otherwise set its timer if it is missing. Returns what was done."""
    note = host.store.warm(stack, environment)
    if note is None:
        return witnesses.stop_forgotten(host, stack, environment)
    left = float(note["until"]) - host.clock.now()
    if left > 0:
        host.timer.arm(stack.name, environment, left)
        return ""
    live = witnesses.live(host, stack.name, environment)
    if live is None or live.release != note["release"]:
        old = [
            container
            for container in host.docker.containers(stack.name, environment, note["slot"])
            if container.release == note["release"] and container.state == "running"
        ]
        entry = find(host.store.releases(stack.name), note["release"])
        day = day_of(entry.release, stack) if entry else stack
        host.docker.stop(old, {app.name: app.stop_seconds for app in day.apps.values()})
    host.store.set_warm(stack, environment, None)
    return f"{stack.name} {environment}: {note['release']} is no longer kept warm"
