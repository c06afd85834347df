# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of the status page: what status.py reports, and past operations with their durations."""

from __future__ import annotations

from ..planning.disk_usage import Sample, lowest
from ..ports import Host
from ..releases.drills import Drill
from ..releases.host_state import HostState
from ..releases.status import OperationSummary, ReleaseSummary, StatusReport
from ..rendering import key_grace_period
from ..rendering.page.data import DiskUse, DrillPoint, PageData
from ..stack.model import ENVIRONMENTS, Stack
from . import redaction
from .observe import observe
from .status import operations, status

#: How many rows of each environment are shown.
RELEASES = 12
OPERATIONS = 12


def look(host: Host, stack: Stack, name: str, space: tuple[int, int], samples: list[Sample]) -> PageData:
    """Everything the page of a stack shows. `name` is the host's; `space` is its total and free bytes."""
    state = observe(host, stack)
    total, free = space
    least = lowest(samples)
    found, redact = status(host, stack, state), redaction.redactor(host, stack)
    return PageData(
        status=found,
        host=name,
        at=int(host.clock.now()),
        releases=redaction.redact_releases(_releases(state), redact),
        operations=redaction.redact_operations(_operations(host, stack), redact),
        notes=tuple(_notes(found)),
        address=_address(stack),
        drills=_drills(host, stack),
        disk=DiskUse(total=total, free=free, lowest=least.free if least else free, samples=tuple(samples)),
    )


def _address(stack: Stack) -> tuple[str, str, int]:
    """The page is on the ports of staging."""
    staging = stack.environments["staging"]
    if staging.tls:
        return "https", staging.main_host, staging.tls.port
    return "http", staging.main_host, staging.ports[0]


def _notes(found: StatusReport) -> list[str]:
    """Notes from status: secrets due for rotation, values from a copy, the last key rotation, feature flags."""
    offline = [f"values: provisioned offline, {found.offline}"] if found.offline else []
    due = [f"secret {text}" for text in found.due]
    damage = [f"damaged: {text}" for text in found.damage]
    return [*damage, *due, *offline, *key_grace_period.lines(found.keys), *found.flags]


def _drills(host: Host, stack: Stack) -> dict[str, tuple[DrillPoint, ...]]:
    """What drills have measured. Nothing is read where no database is backed up."""
    mine = ENVIRONMENTS if any(database.drill for database in stack.databases.values()) else ()
    known = host.store.drills(stack.name) if mine else {}
    return {
        f"{environment} {name}": tuple(_point(one) for one in found)
        for environment in mine
        for name, found in known.get(environment, {}).items()
        if name in stack.databases
    }


def _point(one: Drill) -> DrillPoint:
    recovery = None if one.cause else one.recovery_seconds
    return DrillPoint(one.at, recovery, one.lost_seconds, one.rto_seconds, one.rpo_seconds, not one.is_good)


def _releases(state: HostState) -> list[ReleaseSummary]:
    """The newest releases of each environment, newest first."""
    entries = sorted(state.entries, key=lambda entry: entry.release.id, reverse=True)
    chosen = [
        entry for name in ENVIRONMENTS for entry in [e for e in entries if e.release.environment == name][:RELEASES]
    ]
    return [ReleaseSummary.of(entry) for entry in sorted(chosen, key=lambda entry: entry.release.id, reverse=True)]


def _operations(host: Host, stack: Stack) -> list[OperationSummary]:
    """The newest operations of all environments, newest first."""
    found = [item for environment in ENVIRONMENTS for item in operations(host, stack, environment, OPERATIONS)]
    return sorted(found, key=lambda item: item.at, reverse=True)
