# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases, their schema, and copies of them on which something is tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..planning.databases.clusters import Cluster
    from ..releases.catalog import Catalog
    from ..releases.databases import DatabaseStatus, FoundCluster
    from ..releases.rehearsal import Finding
    from ..releases.scratch import LockSample, Rows, Scratch, ScratchWanted


class DatabasePort(Protocol):
    """Clusters of PostgreSQL on the host."""

    def clusters(self) -> dict[str, FoundCluster]: ...
    def usual_version(self) -> str: ...
    def gateway(self) -> str: ...
    def create(self, cluster: Cluster) -> None: ...
    def guard(self, rules: str, *, write: bool) -> bool: ...
    def configure(self, cluster: Cluster, *, write: bool) -> list[str]: ...
    def start(self, cluster: Cluster) -> None: ...
    def load(self, cluster: Cluster) -> list[str]: ...
    def restart(self, cluster: Cluster) -> None: ...
    def create_database(self, cluster: Cluster) -> None: ...
    def grant(self, cluster: Cluster, *, write: bool) -> bool: ...
    def status(self, port: int, database: str) -> DatabaseStatus: ...


class NoDatabases:
    """A host without clusters."""

    def clusters(self) -> dict[str, FoundCluster]:
        return {}

    def usual_version(self) -> str:
        return ""

    def gateway(self) -> str:
        return ""

    def create(self, cluster: Cluster) -> None:
        return None

    def guard(self, rules: str, *, write: bool) -> bool:
        return False

    def configure(self, cluster: Cluster, *, write: bool) -> list[str]:
        return []

    def start(self, cluster: Cluster) -> None:
        return None

    def load(self, cluster: Cluster) -> list[str]:
        return []

    def restart(self, cluster: Cluster) -> None:
        return None

    def create_database(self, cluster: Cluster) -> None:
        return None

    def grant(self, cluster: Cluster, *, write: bool) -> bool:
        return False

    def status(self, port: int, database: str) -> DatabaseStatus:
        raise KeyError(port)


class CatalogPort(Protocol):
    """What databases are like: their tables, columns, constraints."""

    def read(self, port: int, database: str) -> Catalog: ...


class NoCatalogs:
    """A host that says nothing of its databases."""

    def read(self, port: int, database: str) -> Catalog:
        raise KeyError(port)


class ScratchPort(Protocol):
    """Copies of clusters, to try something on; and what is seen of one meanwhile."""

    def found(self) -> list[str]: ...
    def running(self, name: str) -> Scratch | None: ...
    def make(self, wanted: ScratchWanted, fill: Callable[[str], None]) -> Scratch: ...
    def remove(self, name: str) -> None: ...
    def copy(self, port: int) -> Callable[[str], None]: ...
    def watched(self, scratch: Scratch, database: str) -> AbstractContextManager[list[LockSample]]: ...
    def recorded(self, scratch: Scratch, database: str) -> AbstractContextManager[list[str]]: ...
    def rows(self, scratch: Scratch, database: str) -> dict[str, Rows]: ...


class NoScratch:
    """A host that has no copies and makes none."""

    def found(self) -> list[str]:
        return []

    def running(self, name: str) -> Scratch | None:
        return None

    def make(self, wanted: ScratchWanted, fill: Callable[[str], None]) -> Scratch:
        raise KeyError(wanted.name)

    def remove(self, name: str) -> None:
        return None

    def copy(self, port: int) -> Callable[[str], None]:
        raise KeyError(port)

    def watched(self, scratch: Scratch, database: str) -> AbstractContextManager[list[LockSample]]:
        raise KeyError(scratch.name)

    def recorded(self, scratch: Scratch, database: str) -> AbstractContextManager[list[str]]:
        raise KeyError(scratch.name)

    def rows(self, scratch: Scratch, database: str) -> dict[str, Rows]:
        raise KeyError(scratch.name)


class LinterPort(Protocol):
    """Who knows statements that lock a table for long."""

    def findings(self, statements: Sequence[str], version: str) -> tuple[Finding, ...]: ...


class NoLinter:
    """A host on which nobody does."""

    def findings(self, statements: Sequence[str], version: str) -> tuple[Finding, ...]:
        return ()
