# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scratch clusters of PostgreSQL: copies to try something on, which go when that is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

#: What a copy is for. Those to `look` at stay until a person ends them; any other goes with whoever has made it.
Purpose = Literal["rehearsal", "drill", "look"]
PURPOSES: tuple[Purpose, ...] = ("rehearsal", "drill", "look")

#: How much more room a copy may take than what it is a copy of: what is done to it writes too.
ROOM = 1.2
SECONDS = 900.0


@dataclass(frozen=True)
class ScratchWanted:
    """A copy as it is to be. `cluster` is the name of the one that it is a copy of."""

    purpose: Purpose
    cluster: str
    version: str
    #: How much of the disk the source takes.
    size_bytes: int
    #: How much of the disk is to be left.
    floor_bytes: int = 0
    memory: str = "256m"
    #: Where containers of these addresses reach it. Without one only the host's own users do.
    address: str = ""
    block: str = ""
    #: More settings of PostgreSQL.
    settings: Mapping[str, str] = field(default_factory=dict)
    #: How long it may take until it has replayed its logs and answers.
    seconds: float = SECONDS

    @property
    def name(self) -> str:
        return f"{self.purpose}_{self.cluster}"

    @property
    def needed_bytes(self) -> int:
        return int(self.size_bytes * ROOM) + self.floor_bytes


@dataclass(frozen=True)
class Scratch:
    """A copy that runs. psql and the like find it in the directory of its `socket`, by its port."""

    name: str
    version: str
    port: int
    #: Its data directory.
    directory: str
    socket: str


class LockSample(NamedTuple):
    """A strong lock on a table, as it was seen at one moment, in seconds since the epoch."""

    at: float
    #: Who holds it, and in which transaction.
    holder: str
    mode: str
    table: str


class Rows(NamedTuple):
    """How many rows of a table were touched."""

    inserted: int
    updated: int
    deleted: int

    @property
    def total(self) -> int:
        return sum(self)


def purpose_of(name: str) -> Purpose | None:
    return next((one for one in PURPOSES if name.startswith(f"{one}_")), None)
