# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogs of databases on this host. The question calls what is PostgreSQL's own, and nothing of an owner's."""

from __future__ import annotations

import json

from ..errors import OperationError
from ..planning.catalogs.query import CATALOG
from ..releases.catalog import Catalog
from .postgresql import sql

SECONDS = 60


class Catalogs:
    """What databases of this host are like."""

    def read(self, port: int, database: str) -> Catalog:
        """The shape of a database now. Raises OperationError."""
        said = sql(port, database, CATALOG, SECONDS)
        try:
            return Catalog.from_json(json.loads(said))
        except ValueError as error:
            raise OperationError("its catalog cannot be read", f"database {database}", str(error)) from error
