# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a lock: shown to whoever finds it busy."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class LockHolder:
    """One process that holds a lock.

    `person` is the user who started it, `host` the machine they sit at, `since` the local time of day (HH:MM:SS), and
    `pid` the process on this host; 0 if unknown.
    """

    operation: str
    person: str
    host: str
    since: str
    pid: int
    reason: str = ""

    def __str__(self) -> str:
        text = f"{self.operation} by {self.person} on {self.host}, since {self.since}"
        return f"{text} ({self.reason})" if self.reason else text

    def to_json(self) -> dict[str, str | int]:
        """The holder as the lock file and the status report store it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: object) -> LockHolder:
        """Read a lock file, even a damaged one or one of an older engine: missing parts read as unknown."""
        known: Mapping[object, object] = data if isinstance(data, Mapping) else {}

        def text(key: str, default: str) -> str:
            value = known.get(key)
            return value if isinstance(value, str) and value else default

        pid = known.get("pid")
        return cls(
            operation=text("operation", "an operation"),
            person=text("person", "an unknown user"),
            host=text("host", "an unknown host"),
            since=text("since", "an unknown time"),
            pid=pid if isinstance(pid, int) else 0,
            reason=text("reason", ""),
        )


def time_of_day(now: float) -> str:
    """A moment (seconds since the epoch) as local time of day on this host, for example 03:18:00."""
    return datetime.datetime.fromtimestamp(now).astimezone().strftime("%H:%M:%S")
