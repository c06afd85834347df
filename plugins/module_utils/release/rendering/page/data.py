# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data of a status page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ...planning.disk_usage import Sample
from ...releases.status import OperationSummary, ReleaseSummary, StatusReport


@dataclass(frozen=True)
class DiskUse:
    """Disk use now and over time, in bytes. `lowest` is the least that was free."""

    total: int
    free: int
    lowest: int
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True)
class DrillPoint:
    """One drill of a database: what it has measured, and the targets of that day. In seconds."""

    at: float
    recovery_seconds: float | None
    lost_seconds: float | None
    rto_seconds: float
    rpo_seconds: float
    failed: bool

    @property
    def is_missed(self) -> bool:
        if self.recovery_seconds is None or self.lost_seconds is None:
            return True
        return self.recovery_seconds > self.rto_seconds or self.lost_seconds > self.rpo_seconds


@dataclass(frozen=True)
class PageData:
    """The status of a stack, and past operations. `at` is when it was observed, in seconds since the epoch."""

    status: StatusReport
    host: str
    at: int
    disk: DiskUse
    #: Newest first.
    releases: tuple[ReleaseSummary, ...] = ()
    operations: tuple[OperationSummary, ...] = ()
    #: Sentences about secrets, keys and feature flags that an operator should know.
    notes: tuple[str, ...] = ()
    #: Oldest first, by environment and database.
    drills: Mapping[str, tuple[DrillPoint, ...]] = field(default_factory=dict)

    #: Where the page is: http or https, a host name or nothing if any will do, and a port.
    address: tuple[str, str, int] = ("http", "", 80)

    def to_json(self) -> dict[str, Any]:
        """The page's status.json: the status, and the other data of the page."""
        data = asdict(self)
        status: dict[str, Any] = data.pop("status")
        del data["address"]
        data["disk"]["samples"] = [[sample.at, sample.total, sample.free] for sample in self.disk.samples]
        return {**status, **data}
