# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's clusters, with what was written for each and who may do what, as texts that are compared."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
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
    #: What runs has read at its start, or when it was told to; and the rules that are in the kernel.
    loaded: dict[str, str] = field(default_factory=dict)
    known_to_kernel: str = ""
    #: Those of which something was written that they have not read for certain.
    unread: set[str] = field(default_factory=set)
    #: What is free for a cluster, by name; of the others nobody knows.
    disks: dict[str, int] = field(default_factory=dict)
    #: Around every change, where faults strike.
    change: Callable[[str], contextlib.AbstractContextManager[object]] = contextlib.nullcontext

    def clusters(self) -> dict[str, FoundCluster]:
        return dict(self.found)

    def usual_version(self) -> str:
        return "17"

    def gateway(self) -> str:
        return "172.17.0.1"

    def create(self, cluster: Cluster) -> None:
        with self.change(f"create {cluster.name}"):
            self.log.append(f"create {cluster.name}")
            kept = cluster.kept
            self.found[cluster.name] = FoundCluster(kept.version, cluster.name, kept.port, runs=False)

    def guard(self, rules: str, *, write: bool) -> bool:
        if rules == self.rules == self.known_to_kernel:
            return False
        if write:
            with self.change("load the rules"):
                self.known_to_kernel = rules
            with self.change("keep the rules"):
                self.rules = rules
        return True

    def configure(self, cluster: Cluster, *, write: bool) -> list[str]:
        name, text = cluster.name, files.settings(cluster) + files.access(cluster) + files.unit(cluster)
        if self.written.get(name) == text:
            return ["pending"] if name in self.unread else []
        if write:
            with self.change(f"mark {name}"):
                self.unread.add(name)
            with self.change(f"write {name}"):
                self.written[name] = text
        return [f"{name}.conf"]

    def start(self, cluster: Cluster) -> None:
        with self.change(f"start {cluster.name}"):
            self.log.append(f"start {cluster.name}")
            self.found[cluster.name] = dataclasses.replace(self.found[cluster.name], runs=True)
            self._read(cluster)

    def load(self, cluster: Cluster) -> list[str]:
        with self.change(f"load {cluster.name}"):
            self.log.append(f"load {cluster.name}")
            self._read(cluster)
        return list(self.pending)

    def restart(self, cluster: Cluster) -> None:
        self.log.append(f"restart {cluster.name}")
        self._read(cluster)

    def _read(self, cluster: Cluster) -> None:
        self.loaded[cluster.name] = self.written[cluster.name]
        self.unread.discard(cluster.name)

    def create_database(self, cluster: Cluster) -> None:
        with self.change(f"make the database of {cluster.name}"):
            self.granted.setdefault(cluster.name, "")

    def grant(self, cluster: Cluster, *, write: bool) -> bool:
        text = roles.grants(cluster)
        changed = self.granted.get(cluster.name) != text
        if write:
            with self.change(f"grant in {cluster.name}"):
                self.granted[cluster.name] = text
        return changed

    def status(self, port: int, database: str) -> DatabaseStatus:
        mine = next((one for one in self.found.values() if one.port == port), None)
        free = self.disks.get(mine.name) if mine else None
        place = f"/var/lib/postgresql/{mine.version}/{mine.name}" if mine else ""
        if mine and mine.runs:
            return DatabaseStatus("postgresql", True, "17.12", 8_100_000, 3, 30, place=place, free_bytes=free)
        return DatabaseStatus("postgresql", cause="no answer", place=place, free_bytes=free)
