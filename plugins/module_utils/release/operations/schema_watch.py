# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration does to the database of an app, seen by its catalogs before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import OperationError
from ..planning import catalogs
from ..ports import Host
from ..process.journal import Journal
from ..releases.catalog import Verdict
from ..releases.databases import database_name
from ..releases.schema import AppSchema, SchemaStep
from ..stack.model import EnvironmentName, Stack

if TYPE_CHECKING:
    from ..releases.catalog import Catalog


@dataclass(frozen=True)
class SchemaWatch:
    """`day` is the stack as it is defined where the migration comes from."""

    host: Host
    day: Stack
    environment: EnvironmentName
    journal: Journal

    def look(self, app: str) -> Catalog | None:
        """The catalog of an app's database as it is now; None where nobody can be asked: one that lives elsewhere, or
        in a file. What goes wrong here is no reason to stop a migration."""
        name = self.day.apps[app].database
        kept = self.host.store.databases(self.day.name).get(self.environment, {}).get(name) if name else None
        if kept is None or not self.day.databases[name].is_here:
            return None
        try:
            return self.host.catalogs.read(kept.port, database_name(name))
        except OperationError as error:
            self.journal.note(f"{app}: its catalog cannot be read: {error.cause}")
            return None

    def step(self, app: str, before: Catalog | None, was: str, found: AppSchema) -> SchemaStep | None:
        """What has happened, from a revision to what was found; None if nothing has."""
        after = self.look(app) if before is not None else None
        verdict = catalogs.compare(before, after) if before is not None and after is not None else Verdict("unknown")
        now = was if found.revision is None else found.revision
        if now == was and verdict.kind != "contract":
            return None
        for loss in verdict.losses:
            self.journal.note(f"{app}: contract step: {loss}")
        return SchemaStep(app, was, now, verdict.kind, verdict.losses, at=found.at, release=found.release)
