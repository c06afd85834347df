# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host keeps of a database of an environment, and what it is seen to be like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from ..stack.databases import APP as APP_ROLE
from ..stack.databases import HOST
from ..stack.model import EnvironmentName, Stack

#: Who connects to a cluster, which has one database: who migrates, the group of those of apps, checks and dumps.
OWNER, APPS, READER = "owner", "app", "reader"
#: Apps connect as one of them, and with the next passwords as the other: what runs goes on until it is released anew.
LOGINS = ("app_1", "app_2")
#: Its log grows by files of 16 MB. Without room for the next one PostgreSQL stops, so it is told before that.
FULL_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Login:
    """A password, and the salt of what the server knows of it, so that the same is the same tomorrow."""

    password: str
    salt: str


@dataclass(frozen=True)
class Kept:
    """Of one database in one environment: where its cluster is and who may connect."""

    version: str
    port: int
    generation: int
    owner: Login
    app: Login
    #: The apps' of one generation before, which is valid until the next.
    app_before: Login | None = None

    @property
    def login(self) -> str:
        """As whom apps connect."""
        return LOGINS[(self.generation - 1) % 2]

    def address(self, database: str, role: str) -> str:
        """As apps of this environment, or whoever migrates, get it."""
        name, login = (OWNER, self.owner) if role == OWNER else (self.login, self.app)
        return f"postgresql://{name}:{quote(login.password, safe='')}@{HOST}:{self.port}/{database}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Kept | None:
        """None for what cannot be read."""
        try:
            before = data.get("app_before")
            return cls(
                version=str(data["version"]),
                port=int(data["port"]),
                generation=int(data["generation"]),
                owner=Login(**data["owner"]),
                app=Login(**data["app"]),
                app_before=Login(**before) if before else None,
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            return None


#: By environment and database.
KeptAll = Mapping[str, Mapping[str, Kept]]


@dataclass(frozen=True)
class FoundCluster:
    """A cluster that the host has."""

    version: str
    name: str
    port: int
    runs: bool


@dataclass(frozen=True)
class DatabaseStatus:
    """How a database answers now."""

    engine: str
    answers: bool = False
    version: str = ""
    size_bytes: int = 0
    connections: int = 0
    most_connections: int = 0
    cause: str = ""
    #: Where its files are, and what is free there; None where nobody knows.
    place: str = ""
    free_bytes: int | None = None

    @property
    def is_full(self) -> bool:
        return self.free_bytes is not None and self.free_bytes < FULL_BYTES

    @property
    def is_silent(self) -> bool:
        """Of what lives in a file or elsewhere nobody is asked."""
        return self.engine == "postgresql" and not self.answers


def database_name(name: str) -> str:
    """What PostgreSQL calls a database of this name: hyphens would want quotes everywhere."""
    return name.replace("-", "_")


def addresses(stack: Stack, environment: EnvironmentName, kept: KeptAll) -> dict[str, str]:
    """The addresses of an environment's databases, by the names of their secrets."""
    mine = kept.get(environment, {})
    return {
        one.secret(role): mine[one.name].address(database_name(one.name), role)
        for one in stack.databases_in(environment).values()
        if one.is_here and one.name in mine
        for role in (APP_ROLE, OWNER)
    }
