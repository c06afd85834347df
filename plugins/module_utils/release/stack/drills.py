# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How it is tried that a database can be restored: how often, what must hold in the copy, what it may cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: How old the newest drill may be beside the month: a timer may come late, and somebody has to look.
GRACE_DAYS = 7
LONGEST_MONTH = 31
#: How many files of a volume are read, and how many at most: each takes about a second.
SAMPLE, LARGEST_SAMPLE = 20, 500


@dataclass(frozen=True)
class Check:
    """A question to a restored copy, and the bounds of its answer, which is a number. With a `volume` it is about the
    files of that: `sql` finds their paths and checksums."""

    name: str
    sql: str
    at_least: float | None = None
    at_most: float | None = None
    volume: str = ""
    #: How many of its files are read; None without a volume.
    sample: int | None = None

    def problem(self, answer: str) -> str:
        """What is wrong with an answer; empty if nothing is."""
        try:
            number = float(answer)
        except ValueError:
            return f"{answer!r} is no number" if answer else "the answer is empty"
        if math.isnan(number):
            return f"{answer!r} is no number"
        if self.at_least is not None and number < self.at_least:
            return f"{answer} is less than {self.at_least:g}"
        if self.at_most is not None and number > self.at_most:
            return f"{answer} is more than {self.at_most:g}"
        return ""


@dataclass(frozen=True)
class Drills:
    """The drills of one database."""

    #: On which day of the month; 0: only when somebody asks.
    monthly: int = 1
    #: How much may be lost, and how long it may take until the copy answers.
    rpo_minutes: int = 15
    rto_minutes: int = 60
    checks: tuple[Check, ...] = ()

    @property
    def oldest_seconds(self) -> float:
        """How old the newest one may be."""
        return (LONGEST_MONTH + GRACE_DAYS) * 86_400.0
