# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases and entries of the history."""

from __future__ import annotations

from typing import Any

from release.releases.release import Entry, Release, ReleaseStatus
from release.stack.model import EnvironmentName


def release(number: int, environment: EnvironmentName = "production", **changes: object) -> Release:
    """A release of the n-th day."""
    values: dict[str, Any] = {
        "id": f"202601{number:02}T000000Z-{environment}-abcdef0",
        "stack": "shop",
        "environment": environment,
        "commit": "abcdef0123456789",
        "version": "main",
        "created": "2026-01-01T00:00:00Z",
        "person": "ann",
        "reason": "",
        "operation": "promote",
        "images": {"api": f"sha256:{number}"},
        "services": {"api": {"image": f"sha256:{number}", "environment": {"A": "1"}}},
        "skipped_gates": ("disk_free",),
    }
    return Release(**{**values, **changes})


def entry(number: int, status: ReleaseStatus, since: int = 0) -> Entry:
    return Entry(release(number), status, f"202601{since or number:02}T000000Z", "promote")
