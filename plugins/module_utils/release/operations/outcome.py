# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot of the host after an operation, for its summary."""

from __future__ import annotations

from ..env import secret_ages
from ..errors import ReleaseError
from ..ports import Host
from ..releases.history import find
from ..releases.report import LiveRow, OutcomeRow
from ..stack.model import ENVIRONMENTS, Stack
from . import witnesses


def gather(host: Host, stack: Stack) -> OutcomeRow:
    """What is live, what is due, and the disk. Best effort: a reporting error must not fail a finished operation."""
    try:
        entries = witnesses.entries(host, stack.name)
        live: dict[str, LiveRow] = {}
        for environment in ENVIRONMENTS:
            now = host.router.live(stack.name, environment)
            entry = find(entries, now.release) if now else None
            live[environment] = {
                "release": now.release if now else "",
                "slot": now.slot if now else "",
                "commit": entry.release.commit[:12] if entry else "",
                "version": entry.release.version if entry else "",
                "since": entry.since if entry else "",
            }
        return {
            "live": live,
            "due": secret_ages.due(
                stack.env_matrix, secret_ages.days(host.store.secret_record(stack), host.clock.now())
            ),
            "free_gb": round(host.store.free_bytes() / 1e9, 1),
            "floor_gb": stack.disk_floor_gb,
        }
    except (OSError, ValueError, ReleaseError):
        return {}
