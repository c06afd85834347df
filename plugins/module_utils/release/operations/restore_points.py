# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments to which a database can be brought back, each with a name: made before what cannot be undone otherwise."""

from __future__ import annotations

from ..errors import OperationError
from ..planning.backups import points
from ..planning.backups.stanzas import BackedUp, backed_up
from ..ports import Host
from ..releases.backups import RestorePoint
from ..stack.model import EnvironmentName, Stack

#: How long one may take to arrive in the archive. Less than a second is usual.
SECONDS = 30.0


class RestorePoints:
    """Those of the databases of one environment that are backed up."""

    def __init__(self, host: Host, stack: Stack, environment: EnvironmentName) -> None:
        self.host, self.stack, self.environment = host, stack, environment
        kept = host.store.databases(stack.name)
        self.databases: dict[str, BackedUp] = {it.database.name: it for it in backed_up(stack, environment, kept)}

    def before(self, database: str, name: str, seconds: float = SECONDS) -> RestorePoint:
        """Make one, and write it down once it is in the archive. Raises OperationError if that does not succeed: then
        nothing is to be begun that it was made for."""
        mine = self.databases[database]
        try:
            self.host.backups.end_dumps(mine.stanza)
            point = self.host.backups.restore_point(mine.stanza, points.named(name), seconds)
        except OperationError as error:
            where = f"database {database} of {self.stack.name} {self.environment}"
            what = "there is no way back yet, so nothing was begun"
            raise OperationError(what, where, f"{error.what}: {error.cause}", points.FIX) from error
        backup = mine.database.backup
        keep = backup.keep_days * 86_400 if backup else 0
        self.host.store.add_restore_point(self.stack.name, self.environment, database, point, keep)
        return point
