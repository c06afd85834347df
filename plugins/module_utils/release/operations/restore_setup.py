# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provisioning what restores and drills rely on: the heartbeat of each cluster with backups, and the drills' timers."""

from __future__ import annotations

from collections.abc import Sequence

from ..planning.backups.stanzas import BackedUp, stanza_of
from ..planning.backups.units import units
from ..planning.databases.clusters import Cluster
from ..ports import Host
from ..stack.model import ENVIRONMENTS


def provide(host: Host, clusters: Sequence[Cluster], *, write: bool) -> list[str]:
    """Returns what was changed. Of a host without backups systemd is asked nothing."""
    mine = [cluster for cluster in clusters if cluster.database.backup]
    found = [
        (cluster.stack, BackedUp(environment, cluster.database, stanza_of(cluster)))
        for cluster in mine
        for environment in ENVIRONMENTS
        if environment == cluster.environment
    ]
    changes = host.restores.schedule(units(found), write=write)
    if changes and write:
        for cluster in mine:
            host.restores.beat(stanza_of(cluster))
    return changes
