# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's clusters, with what was written for each and who may do what, as texts that are compared."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from release.planning.databases import files, roles
from release.planning.databases.clusters import Cluster
from release.releases.databases import DatabaseStatus, FoundCluster


@dataclass
class FakePostgresql:
    """All clusters of a host."""

    found: dict[str, FoundCluster] = field(default_factory=dict)
    rules: str = ""
    written: dict[str, str] = field(default_factory=dict)
    granted: dict[str, str] = field(default_factory=dict)
    #: Settings that want a restart after a reload.
    pending: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def clusters(self) -> dict[str, FoundCluster]:
        return dict(self.found)

    def usual_version(self) -> str:
        return "17"

    def gateway(self) -> str:
        return "172.17.0.1"

    def create(self, cluster: Cluster) -> None:
        self.log.append(f"create {cluster.name}")
        kept = cluster.kept
        self.found[cluster.name] = FoundCluster(kept.version, cluster.name, kept.port, runs=False)

    def guard(self, rules: str, *, write: bool) -> bool:
        changed, self.rules = rules != self.rules, rules if write else self.rules
        return changed

    def configure(self, cluster: Cluster, *, write: bool) -> list[str]:
        text = files.settings(cluster) + files.access(cluster) + files.unit(cluster)
        if self.written.get(cluster.name) == text:
            return []
        if write:
            self.written[cluster.name] = text
        return [f"{cluster.name}.conf"]

    def start(self, cluster: Cluster) -> None:
        self.log.append(f"start {cluster.name}")
        self.found[cluster.name] = dataclasses.replace(self.found[cluster.name], runs=True)

    def load(self, cluster: Cluster) -> list[str]:
        self.log.append(f"load {cluster.name}")
        return list(self.pending)

    def restart(self, cluster: Cluster) -> None:
        self.log.append(f"restart {cluster.name}")

    def create_database(self, cluster: Cluster) -> None:
        self.granted.setdefault(cluster.name, "")

    def grant(self, cluster: Cluster, *, write: bool) -> bool:
        text = roles.grants(cluster)
        changed = self.granted.get(cluster.name) != text
        if write:
            self.granted[cluster.name] = text
        return changed

    def status(self, port: int, database: str) -> DatabaseStatus:
        if any(one.port == port and one.runs for one in self.found.values()):
            return DatabaseStatus("postgresql", True, "17.12", 8_100_000, 3, 30)
        return DatabaseStatus("postgresql", cause="no answer")
