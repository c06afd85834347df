# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the releases on this host need of router, edge and firewall, whatever the inventory says of today."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import Problem, RefusedError
from ..planning import reach
from ..ports import Host
from ..releases.compose import LABEL
from ..releases.history import find
from ..releases.reach import Reach, Side, reach_of
from ..releases.release import Release
from ..releases.replicas import counts_of
from ..releases.slot import day_of
from ..stack.model import ENVIRONMENTS, Slot, Stack
from ..stack.reader import read_stack
from . import witnesses


@dataclass
class Needs:
    """By `<stack>-<environment>`: the kept apps with their timeouts, and the kept ports. And what the next releases
    change."""

    apps: dict[str, dict[str, int]] = field(default_factory=dict)
    ports: dict[str, list[int]] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)


def gather(host: Host, stacks: Sequence[Stack]) -> Needs:
    """`stacks` are as they are to be from now on. Raises RefusedError if they cannot be beside what is live."""
    needs = Needs()
    problems: list[Problem] = []
    encrypted = {
        environment.tls.port: f"{stack.name} {environment.name}"
        for stack in stacks
        for environment in stack.environments.values()
        if environment.tls
    }
    for stack in stacks:
        entries = witnesses.entries(host, stack.name)
        for environment in ENVIRONMENTS:
            name = f"{stack.name}-{environment}"
            kept = reach.kept(stack, entries, environment)
            needs.apps[name], needs.ports[name] = kept.apps, list(kept.ports)
            live = witnesses.live(host, stack.name, environment)
            entry = find(entries, live.release) if live else None
            if live is None or entry is None:
                continue
            side = _side(host, day_of(entry.release, stack), entry.release, live.slot)
            needs.changes += reach.next_changes(side, stack, environment)
            problems += reach.http_and_tls(stack, side, environment, encrypted)
    if problems:
        raise RefusedError(problems)
    return needs


def provide_maps(host: Host, name: str, *, write: bool = True) -> list[str]:
    """Make a stack's maps of ports anew that are missing, or lack what is live: without them HAProxy does not start, or
    does not find the apps. Returns what they say now. Needs neither HAProxy nor Docker."""
    made = []
    for environment in ENVIRONMENTS:
        live, known = witnesses.live(host, name, environment), host.router.reach(name, environment)
        entry = find(witnesses.entries(host, name), live.release) if live else None
        wanted = _reach_of(host, entry.release, live.slot) if live and entry else {}
        there = known.get(live.slot, {}) if live else {}
        if wanted.keys() <= there.keys() and not host.router.lacks_reach(name, environment):
            continue
        if live and wanted:
            known = {**known, live.slot: {**wanted, **there}}
        ports = ", ".join(f"{app} on port {at.port}" for app, at in sorted(wanted.items()))
        made.append(f"{environment}: {ports or 'no app runs'}")
        if write:
            host.router.write_reach(name, environment, known)
    return made


def _reach_of(host: Host, release: Release, slot: Slot) -> dict[str, Reach]:
    try:
        day = read_stack(release.stack, release.definition, stored=True)
    except RefusedError:
        return {}
    return dict(_side(host, day, release, slot).reach)


def _side(host: Host, day: Stack, release: Release, slot: Slot) -> Side:
    """The live release. Its ports are those of its containers, which an earlier version chose by the inventory."""
    apps = tuple(name for name in release.services if name in day.apps)
    compose = host.store.slot_compose(release.stack, release.environment, slot)
    at = reach_of(day, apps, release.environment, slot, counts_of(compose, release.id))
    for name, service in compose.get("services", {}).items():
        if name in at and service["labels"].get(f"{LABEL}.id") == release.id:
            at[name] = replace(at[name], port=_port(service))
    return Side(day, apps, at)


def _port(service: dict[str, Any]) -> int:
    """Of `127.0.0.1:<port of the host>:<port of the container>`."""
    return int(service["ports"][0].split(":")[1])
