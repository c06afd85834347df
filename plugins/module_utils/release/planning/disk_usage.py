# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk use over time, thinned for a week's plot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: How much is kept: one sample for every ten minutes of a week.
BUCKET_SECONDS = 600


KEPT_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Sample:
    """The disk at one moment, in bytes."""

    at: int
    total: int
    free: int

    @property
    def used(self) -> int:
        return self.total - self.free


def thin(samples: Iterable[Sample], now: int) -> list[Sample]:
    """For every ten minutes of the last week, the sample with the least free space, oldest first. Drops future ones."""
    least: dict[int, Sample] = {}
    for sample in samples:
        if now - KEPT_SECONDS <= sample.at <= now:
            bucket = sample.at // BUCKET_SECONDS
            least[bucket] = min(least.get(bucket, sample), sample, key=lambda item: item.free)
    return [least[bucket] for bucket in sorted(least)]


def lowest(samples: Sequence[Sample]) -> Sample | None:
    """The sample with the least free space."""
    return min(samples, key=lambda sample: sample.free, default=None)
