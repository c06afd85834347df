# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a comparison of a source with its inventory has found."""

from __future__ import annotations

from dataclasses import dataclass, field

from .findings import Finding, Known


@dataclass(frozen=True)
class DriftReport:
    """New findings, known ones, and entries of the baseline that fit nothing any more."""

    stack: str
    commit: str
    version: str
    #: How many were searched, and in which time.
    files: int
    seconds: float
    new: list[Finding] = field(default_factory=list)
    known: list[Finding] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    baseline: list[Known] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.new
