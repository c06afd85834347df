# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restores as data: how a database goes back to a moment, in the place where it is, and which restores there were."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..stack.model import EnvironmentName, Slot
from .backups import Stanza, Target


@dataclass(frozen=True)
class Restored:
    """A restore in place that has ended: from `at` on the cluster is on `timeline`, which left another one at `target`.
    Times are seconds since 1970."""

    at: float
    target: float
    was: str
    timeline: str
    #: The restore point of just before it, and where the cluster of before is kept.
    point: str = ""
    aside: str = ""
    person: str = ""
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: Any) -> Restored | None:
        """None for what is none."""
        try:
            texts = {key: str(data.get(key, "")) for key in ("point", "aside", "person", "reason")}
            return cls(float(data["at"]), float(data["target"]), str(data["was"]), str(data["timeline"]), **texts)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


#: By environment and database, oldest first.
RestoredAll = Mapping[str, Mapping[str, Sequence[Restored]]]


def fresh(stanza: Stanza, aside: str) -> str:
    """Nobody else writes there: whatever was begun by somebody who was killed has another name."""
    return f"{stanza.data}.new-{aside.removeprefix('before-')}"


@dataclass(frozen=True)
class RestorePlan:
    """How one database goes back. Plain data, so a journal can hold it."""

    environment: EnvironmentName
    database: str
    stanza: Stanza
    target: Target
    #: The moment that it goes back to.
    moment: float
    #: As people are told of that moment.
    shown: str
    #: What is put behind the name of the data directory of before.
    aside: str
    #: Whether the cluster answers now, and so whether there can be a restore point of before.
    runs: bool
    #: What is live, and those of its apps that use the database.
    release: str = ""
    slot: Slot | None = None
    apps: tuple[str, ...] = ()
    #: Whether the restore closes the environment for visitors: somebody may have done so before.
    closes: bool = True
    lost_seconds: float = 0.0
    #: At most so many transactions that wrote; None: nobody can be asked.
    lost_commits: int | None = None
    #: In bytes.
    size: int = 0
    free: int = 0
    #: How long the last drill took, for as much data; None: there was none.
    seconds: float | None = None
    was_timeline: str = ""
    #: Files of the log that are missing, where it goes back to the end of what is archived: that is the first of them.
    gaps: tuple[str, ...] = ()
    person: str = ""
    reason: str = ""
    #: The release that a rollback goes to afterwards, for which the database goes back. Then no app is started on it
    #: here, and the environment stays closed.
    then: str = ""

    @property
    def point(self) -> str:
        """The restore point of just before, by which a restore can itself be undone."""
        return self.aside

    @property
    def fresh(self) -> str:
        """Where the backup is laid out, beside the cluster, which runs meanwhile."""
        return fresh(self.stanza, self.aside)

    @property
    def place(self) -> str:
        return f"database {self.database} of {self.environment}"

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RestorePlan:
        """Raises ValueError, KeyError or TypeError."""
        fields = dict(data)
        fields["stanza"], fields["target"] = Stanza(**fields["stanza"]), Target(**fields["target"])
        fields["apps"], fields["gaps"] = tuple(fields["apps"]), tuple(fields.get("gaps", ()))
        return cls(**fields)
