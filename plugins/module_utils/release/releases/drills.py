# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured when a backup was restored to see whether it can be."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: How many of each database are kept.
KEPT = 60


@dataclass(frozen=True)
class Finding:
    """One check of a copy. `problem` is empty where it holds."""

    name: str
    answer: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Drill:
    """One drill. Times are seconds since 1970, spans in seconds."""

    environment: str
    database: str
    at: float
    backup: str = ""
    #: Why it could not be carried out; empty if it was.
    cause: str = ""
    #: Between the last heartbeat in the copy and the moment that it was at the end of the archive.
    lost_seconds: float | None = None
    #: From the beginning to the first answer of the copy; and what the checks took after it.
    recovery_seconds: float = 0.0
    check_seconds: float = 0.0
    #: In bytes.
    size: int = 0
    #: The targets of that day.
    rpo_seconds: float = 0.0
    rto_seconds: float = 0.0
    checks: tuple[Finding, ...] = field(default=())

    @property
    def problems(self) -> list[str]:
        """Why this backup is not to be relied on."""
        wrong = [f"{one.name}: {one.problem}" for one in self.checks if one.problem]
        return [self.cause, *wrong] if self.cause else wrong

    @property
    def missed(self) -> list[str]:
        """Targets that it does not reach."""
        found = []
        if not self.cause and self.lost_seconds is None:
            found.append("nobody knows how much would be lost: the copy has no heartbeat")
        elif self.lost_seconds is not None and self.lost_seconds > self.rpo_seconds:
            found.append(f"{self.lost_seconds / 60:.1f} min would be lost, {self.rpo_seconds / 60:g} may be")
        if not self.cause and self.recovery_seconds > self.rto_seconds:
            found.append(f"it took {self.recovery_seconds / 60:.1f} min, and may take {self.rto_seconds / 60:g}")
        return found

    @property
    def is_good(self) -> bool:
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Drill | None:
        """None for what is none."""
        try:
            names = {one.name for one in dataclasses.fields(cls)}
            fields = {key: value for key, value in data.items() if key in names}
            fields["checks"] = tuple(Finding(**one) for one in fields.get("checks", ()))
            fields["at"] = float(fields["at"])
            return cls(**fields)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


#: By environment and database, oldest first.
DrillsAll = Mapping[str, Mapping[str, Sequence[Drill]]]
