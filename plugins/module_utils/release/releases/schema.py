# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of the schema of each app's database: which revision is applied, and how the last migration ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, cast

#: applied: as its migrations left it. begun: nobody has said yet how it ended. The others speak for themselves.
SchemaState = Literal["applied", "begun", "failed", "interrupted"]
STATES: tuple[SchemaState, ...] = ("applied", "begun", "failed", "interrupted")
NOTHING = "nothing"
UNKNOWN = "not known"


@dataclass(frozen=True)
class AppSchema:
    """The database of one app in one environment. `revision` is what its tool says; None: nobody could ask it."""

    revision: str | None
    state: SchemaState = "applied"
    #: The release that migrated it, and from which revision.
    release: str = ""
    was: str | None = None
    at: str = ""

    @property
    def shown(self) -> str:
        return shown(self.revision)

    @property
    def is_settled(self) -> bool:
        return self.state == "applied"

    @property
    def sentence(self) -> str:
        """What `status` says of it."""
        if self.is_settled:
            return self.shown
        how = {"begun": "has begun and nobody knows how it ended", "interrupted": "was interrupted"}
        return f"{self.shown}; the migration of {self.release} {how.get(self.state, self.state)}"

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_json(cls, data: Any) -> AppSchema | None:
        """None for what is none."""
        if not isinstance(data, Mapping) or data.get("state") not in STATES:
            return None
        revision, was = data.get("revision"), data.get("was")
        if not all(text is None or isinstance(text, str) for text in (revision, was)):
            return None
        state = cast(SchemaState, data["state"])
        return cls(revision, state, str(data.get("release", "")), was, str(data.get("at", "")))


class Standing(NamedTuple):
    """What a database and an image say before a migration. `wanted` is None where the image says no more than whether
    something is to be done."""

    revision: str
    wanted: str | None
    is_pending: bool


#: By app.
Schemas = Mapping[str, AppSchema]


def shown(revision: str | None) -> str:
    return UNKNOWN if revision is None else revision or NOTHING
