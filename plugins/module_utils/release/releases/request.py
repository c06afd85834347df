# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request for an operation."""

from __future__ import annotations

from dataclasses import dataclass

from ..stack.model import EnvironmentName
from ..util.printable import check_printable

OPERATIONS: dict[str, EnvironmentName] = {"deploy": "staging", "promote": "production", "rollback": "production"}

#: keep: the schema stays, though a step took away what the release may rely on. downgrade: the app's own way down.
#: restore: back to just before the migration, without what was written since. Without one it stays, and what would
#: not fit is refused.
DATABASE_WAYS = ("keep", "downgrade", "restore")


@dataclass(frozen=True)
class Request:
    """One operation as requested. None means: as the stack's definition says."""

    operation: str
    environment: EnvironmentName
    person: str = "unknown"
    host: str = "unknown"
    reason: str = ""
    apps: tuple[str, ...] = ()
    version: str = ""
    release: str = ""
    rebuild: bool = False
    skip_gates: tuple[str, ...] = ()
    #: today: a rollback keeps the present values of secrets. release: they return to the release's values.
    secrets: str = "today"
    #: What a rollback does with databases whose schema is newer than the release's: see DATABASE_WAYS.
    database: str = ""
    #: Whether a deploy leaves databases as they are: those of a lost host are as new as what ran on it.
    keep_schema: bool = False
    #: The environment, typed out, by who knows what a way with a database takes away.
    confirm: str = ""
    lock_wait: float = 0.0
    watch_seconds: int | None = None
    warm_seconds: int | None = None


def check_request(request: Request) -> None:
    """Raises RefusedError for what cannot be printed as it was given: history and status show it to others."""
    texts = {"person": request.person, "host": request.host, "reason": request.reason, "version": request.version}
    texts |= {"database": request.database, "confirm": request.confirm}
    lists = {"apps": request.apps, "skip_gates": request.skip_gates}
    check_printable({**texts, "release": request.release, **{name: "".join(given) for name, given in lists.items()}})
