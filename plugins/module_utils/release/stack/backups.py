# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of a database for the day on which it is lost: where, how often, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Where backups go: a directory of this host, or a bucket elsewhere. What is named first is restored from.
REPOSITORIES = ("path", "s3")
#: How often something is done, in seconds.
EVERY: Mapping[str, int] = {"hourly": 3600, "daily": 86_400, "weekly": 7 * 86_400}
NEVER = "never"
#: What of it only PostgreSQL has.
OF_POSTGRESQL = ("full", "dump")


@dataclass(frozen=True)
class Backup:
    """How a database is backed up."""

    repository: tuple[str, ...] = ("path",)
    #: A backup that needs no other, and one of what has changed since: words of EVERY.
    full: str = "weekly"
    incremental: str = "daily"
    #: A dump by pg_dump beside it, or `never`.
    dump: str = "daily"
    keep_days: int = 14
    #: From which age on a release is refused; 0: twice as old as the newest may be by the plan.
    too_old_hours: int = 0

    @property
    def limit_seconds(self) -> int:
        """How old the newest backup may be."""
        return self.too_old_hours * 3600 or 2 * min(EVERY[self.full], EVERY[self.incremental])
