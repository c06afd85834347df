# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases of a stack: what each is, and the addresses by which apps reach it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..env.matrix import GIVEN
from .backups import OF_POSTGRESQL, Backup
from .drills import Drills

#: Schemes of addresses by engine, the usual one first. Libraries choose their driver by it.
SCHEMES: Mapping[str, tuple[str, ...]] = {
    "postgresql": (
        "postgresql",
        "postgres",
        "postgresql+asyncpg",
        "postgresql+psycopg",
        "postgresql+psycopg2",
        "postgresql+pg8000",
    ),
    "sqlite": ("sqlite", "sqlite+aiosqlite", "file"),
}
ENGINES = ("postgresql", "sqlite", "external")
#: What an app says of its database.
DATABASE_KEYS = ("database", "database_variable", "database_scheme")
#: What only databases of one engine have.
KEYS_OF: Mapping[str, tuple[str, ...]] = {
    "postgresql": ("version", "memory", "connections", "app_user", "password_generation"),
    "sqlite": ("volume", "file"),
    "external": ("url", "owner_url"),
}
#: The variable of an app in which it finds the address, unless it names another one.
VARIABLE = "DATABASE_URL"
#: Addresses of PostgreSQL are among the values of an environment under names that begin so. No app gets them as such.
PREFIX = GIVEN
#: Who connects: the apps, and whoever changes the schema.
APP, OWNER = "app", "owner"
#: How containers call the host.
HOST = "host.docker.internal"


@dataclass(frozen=True)
class Database:
    """Where apps keep what outlives every release. Each environment has one of its own."""

    name: str
    engine: str
    environments: tuple[str, ...]
    #: PostgreSQL. Empty: the version of the host's distribution.
    version: str = ""
    memory: str = ""
    connections: int = 0
    #: Whether apps connect as somebody who cannot change the schema.
    app_user: bool = True
    #: Raised to have other passwords.
    password_generation: int = 1
    #: SQLite: the volume, and the name of the file in it.
    volume: str = ""
    file: str = ""
    #: One that lives elsewhere: the variables of the matrix that hold its addresses.
    url: str = ""
    owner_url: str = ""
    #: How it is backed up; None: not at all.
    backup: Backup | None = None
    #: How it is tried that its backups can be restored; None without backups.
    drill: Drills | None = None

    @property
    def is_here(self) -> bool:
        """True for one that has a cluster on the host."""
        return self.engine == "postgresql"

    def secret(self, role: str) -> str:
        """The name of an address among the values of an environment."""
        return f"{PREFIX}{self.name.upper().replace('-', '_')}_{role.upper()}"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.secret(APP), self.secret(OWNER)) if self.is_here else ()

    def address(self, role: str, scheme: str, mount: str, values: Mapping[str, str]) -> str | None:
        """The address for an app: of these values, or of the file in its volume. None if there is none yet."""
        if self.engine == "sqlite":
            slashes = ":" if scheme == "file" else ":///"
            return f"{scheme}{slashes}{mount.rstrip('/')}/{self.file}"
        if self.is_here:
            found = values.get(self.secret(role))
        else:
            found = values.get(self.owner_url if role == OWNER and self.owner_url else self.url)
        return re.sub(r"^[^:]+", scheme, found) if found and scheme else found


def written(database: Database, data: Mapping[str, Any]) -> dict[str, Any]:
    """As in a stack's definition, so that it can be read again: what other engines have would be refused."""
    others = {key for engine, keys in KEYS_OF.items() if engine != database.engine for key in keys}
    others |= {key for key in ("backup", "drill") if data.get(key) is None}
    found = {key: value for key, value in data.items() if key not in others}
    if database.backup and database.engine != "postgresql":
        found["backup"] = {key: value for key, value in found["backup"].items() if key not in OF_POSTGRESQL}
    return found


def has_prefix(name: str) -> bool:
    """Whether this is a name that only the platform gives."""
    return name.startswith(PREFIX)
