# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the clusters of a stack are called in their backups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...releases.backups import Stanza
from ...releases.databases import KeptAll, database_name
from ...stack.databases import Database
from ...stack.model import EnvironmentName, Stack
from ..databases.clusters import Cluster, cluster_name


class BackedUp(NamedTuple):
    """A database of an environment that has backups, and its cluster."""

    environment: EnvironmentName
    database: Database
    stanza: Stanza


def stanza_of(cluster: Cluster) -> Stanza:
    return Stanza(cluster.name, cluster.kept.version, cluster.kept.port, database_name(cluster.database.name))


def backed_up(stack: Stack, environment: EnvironmentName, kept: KeptAll) -> Iterator[BackedUp]:
    """The clusters of an environment that have backups and are there."""
    mine = kept.get(environment, {})
    for name, database in stack.databases_in(environment).items():
        if database.is_here and database.backup and name in mine:
            stanza = Stanza(
                cluster_name(stack.name, environment, name), mine[name].version, mine[name].port, database_name(name)
            )
            yield BackedUp(environment, database, stanza)
