# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status page is drawn from: status.py's view, and what happened before, with durations."""

from __future__ import annotations

from typing import Any

from ..paths import Paths
from ..planning.disk_usage import Sample, lowest
from ..ports import Host
from ..process import journal, lock
from ..releases.host_state import HostState
from ..releases.release import Entry, seconds_of
from ..rendering import key_overlap
from ..stack.model import ENVIRONMENTS, Stack
from .observe import observe
from .status import status

#: So many of each environment are shown.
RELEASES = 12
OPERATIONS = 12


def look(
    host: Host, stack: Stack, name: str, space: tuple[int, int], samples: list[Sample], places: Paths | None = None
) -> dict[str, Any]:
    """Everything the page of a stack shows, as plain data. `name` is the host's, `space` its total and free bytes."""
    places = places or Paths()
    seen = observe(host, stack)
    operations = [item for environment in ENVIRONMENTS for item in _operations(stack, environment, places)]
    total, free = space
    least = lowest(samples)
    found = status(host, stack, places, seen)
    return {
        **found,
        "host": name,
        "at": int(host.clock.now()),
        "releases": _releases(seen),
        "operations": sorted(operations, key=lambda item: float(item["at"]), reverse=True),
        "notes": _notes(found),
        "disk": {
            "total": total,
            "free": free,
            "lowest": least.free if least else free,
            "samples": [[sample.at, sample.total, sample.free] for sample in samples],
        },
    }


def _notes(found: dict[str, Any]) -> list[str]:
    """What status tells besides: secrets that are due, values from a copy, a rotation's overlap, turned switches."""
    offline = [f"values: provisioned offline, {found['offline']}"] if found["offline"] else []
    due = [f"secret {text}" for text in found["due"]]
    return [*due, *offline, *key_overlap.lines(found["keys"]), *found["flags"]]


def _releases(seen: HostState) -> list[dict[str, Any]]:
    """The newest of each environment, newest first."""
    entries = sorted(seen.entries, key=lambda entry: entry.release.id, reverse=True)
    mine = [
        entry for name in ENVIRONMENTS for entry in [e for e in entries if e.release.environment == name][:RELEASES]
    ]
    return [_release(entry) for entry in sorted(mine, key=lambda entry: entry.release.id, reverse=True)]


def _release(entry: Entry) -> dict[str, Any]:
    release = entry.release
    return {
        "release": release.id,
        "environment": release.environment,
        "status": entry.status,
        "at": seconds_of(release.id),
        "since": seconds_of(entry.since),
        "via": entry.via,
        "commit": release.commit[:12],
        "version": release.version,
        "person": release.person,
        "reason": release.reason,
        "apps": len(release.images),
        "skipped_gates": list(release.skipped_gates),
    }


def _operations(stack: Stack, environment: str, places: Paths) -> list[dict[str, Any]]:
    """The newest of an environment. One without an end runs, when it is the lock's holder, or was interrupted."""
    holder = lock.holder(lock.lock_path(stack.name, environment, places.locks))
    found = []
    for header, end in journal.glances(stack.name, environment, places.state, OPERATIONS):
        begun = float(header.get("at", 0))
        runs = "running" if holder and holder.pid == header.get("pid") else "interrupted"
        found.append(
            {
                "operation": str(header.get("operation", "")),
                "environment": environment,
                "at": begun,
                "seconds": max(0.0, round(float(end.get("at", begun)) - begun, 1)) if end else None,
                "person": str(header.get("person", "")),
                "reason": str(header.get("reason", "")),
                "outcome": str(end.get("outcome", "")) if end else runs,
                "message": str(end.get("message", "")) if end else "",
                "release": str(end.get("release", "")) if end else "",
            }
        )
    return found
