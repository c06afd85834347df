# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rehearsal has shown: a migration of a copy of a database, and the release before on what it left."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from .catalog import KINDS, Kind


class LongestLock(NamedTuple):
    """The strong lock on one table that was held longest."""

    table: str
    mode: str
    seconds: float


class Finding(NamedTuple):
    """What is wrong with a statement, by the name of a rule."""

    rule: str
    text: str
    statement: str = ""


@dataclass(frozen=True)
class AppRehearsal:
    """The migration of one app's database. `revision` is what the copy had, `reached` what it has after it."""

    app: str
    database: str
    image: str
    revision: str
    reached: str
    #: The migrations that its tool named, in order; empty where it names none.
    migrations: tuple[str, ...] = ()
    seconds: float = 0.0
    verdict: Kind = "unknown"
    losses: tuple[str, ...] = ()
    locks: tuple[LongestLock, ...] = ()
    #: How many rows of which table were touched.
    rows: Mapping[str, int] = dataclasses.field(default_factory=dict)
    statements: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def longest(self) -> LongestLock | None:
        return max(self.locks, key=lambda lock: lock.seconds, default=None)


@dataclass(frozen=True)
class Rehearsal:
    """One rehearsal of what a promote would do with an environment's databases."""

    environment: str
    #: When it ended, in seconds since the epoch.
    at: float
    seconds: float
    #: The release that was live, which was started afresh on what the migrations left; its apps with their images.
    old: str = ""
    old_images: Mapping[str, str] = dataclasses.field(default_factory=dict)
    apps: tuple[AppRehearsal, ...] = ()
    #: What the copy was made of.
    source: str = ""
    #: What the old release said, one sentence for each app that was not well.
    sick: tuple[str, ...] = ()
    #: What went wrong before there was anything to say; empty if nothing did.
    failure: str = ""
    fix: str = ""

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Rehearsal | None:
        """None for what is none."""
        try:
            return cls(**{**data, "apps": tuple(_app(one) for one in data["apps"]), "sick": tuple(data["sick"])})
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


def _app(data: Mapping[str, Any]) -> AppRehearsal:
    if data["verdict"] not in KINDS:
        raise ValueError(data["verdict"])
    return AppRehearsal(
        **{
            **data,
            "migrations": tuple(data["migrations"]),
            "losses": tuple(data["losses"]),
            "locks": tuple(LongestLock(*one) for one in data["locks"]),
            "statements": tuple(data["statements"]),
            "findings": tuple(Finding(*one) for one in data["findings"]),
        }
    )
