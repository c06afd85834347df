# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a status page is drawn from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ...planning.disk_usage import Sample
from ...releases.status import OperationSummary, ReleaseSummary, StatusReport


@dataclass(frozen=True)
class DiskUse:
    """The disk now and over time, in bytes. `lowest` is the least that was free."""

    total: int
    free: int
    lowest: int
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class PageData:
    """The status of a stack, and what happened before. `at` is the moment of the look, in seconds since the epoch."""

    status: StatusReport
    host: str
    at: int
    disk: DiskUse
    #: Newest first.
    releases: tuple[ReleaseSummary, ...] = ()
    operations: tuple[OperationSummary, ...] = ()
    #: Sentences: secrets, keys and feature flags that a person should know of.
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The page's status.json: the status, with the rest of the page beside it."""
        data = asdict(self)
        status: dict[str, Any] = data.pop("status")
        data["disk"]["samples"] = [[sample.at, sample.total, sample.free] for sample in self.disk.samples]
        return {**status, **data}
