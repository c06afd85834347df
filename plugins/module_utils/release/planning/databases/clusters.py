# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cluster a database of an environment has: its version, its port and its passwords, all kept once given."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from ...errors import Problem, RefusedError
from ...hints import hint
from ...releases.databases import FoundCluster, Kept, Login
from ...stack.database_reader import megabytes
from ...stack.databases import Database

#: 5432 is left to a cluster that people have made themselves.
FIRST_PORT, LAST_PORT = 5433, 5532
#: A password that is given stands in an address and is hashed as it is: of these, no preparation changes any.
PASSWORD = r"[\x21-\x7e]{12,200}"
GIVEN = "postgresql_passwords"


@dataclass(frozen=True)
class Cluster:
    """One cluster as it is to be, with one database."""

    stack: str
    environment: str
    database: Database
    kept: Kept
    #: The addresses of its environment's containers, and the one of the host by which they reach it.
    block: str = ""
    address: str = ""

    @property
    def name(self) -> str:
        return cluster_name(self.stack, self.environment, self.database.name)

    @property
    def place(self) -> str:
        return f"database {self.database.name} of {self.stack} {self.environment}"


def cluster_name(stack: str, environment: str, database: str) -> str:
    """What the host calls a cluster. systemd's units break at a hyphen, and no part has a dot or an underscore."""
    return "_".join((stack, environment, database)).replace("-", ".")


def next_port(taken: Collection[int]) -> int:
    """The first port that nobody has. Raises RefusedError."""
    for port in range(FIRST_PORT, LAST_PORT + 1):
        if port not in taken:
            return port
    what = f"no port from {FIRST_PORT} to {LAST_PORT} is left for a database"
    raise RefusedError([Problem(what, "postgresql", "remove clusters that nobody needs, see pg_lsclusters")])


def keep(
    wanted: Database,
    known: Kept | None,
    found: FoundCluster | None,
    *,
    version: str,
    port: Callable[[], int],
    given: Mapping[str, str],
    new: Callable[[str], Login],
) -> Kept:
    """What is kept of a database from now on. `new` makes a login of a password, or of one that it thinks up.

    `version` is the distribution's. Raises RefusedError.
    """
    problems = [
        Problem(f"the password of {who} is not 12 to 200 printable letters of ASCII", GIVEN, "choose another one")
        for who, password in given.items()
        if not re.fullmatch(PASSWORD, password)
    ]
    there = found.version if found else known.version if known else version
    now = wanted.version or there
    if now != there and (known or found):
        fix = f"leave `version: {there}`; how to upgrade is in docs/databases.md"
        problems.append(Problem(f"its cluster has version {there}, not {now}", "version", fix))
    generation = wanted.password_generation
    if known and generation < known.generation:
        what = f"{generation} is before {known.generation}, whose passwords are valid"
        problems.append(Problem(what, "password_generation", f"set it to {known.generation} or more"))
    if known and generation == known.generation:
        problems += [
            Problem(
                f"another password is given for {who}", GIVEN, f"set `password_generation: {generation + 1}` with it"
            )
            for who, login in (("app", known.app), ("owner", known.owner))
            if who in given and given[who] != login.password
        ]
    if problems:
        raise RefusedError(problems)
    if known and generation == known.generation:
        return dataclasses.replace(known, version=there, port=found.port if found else known.port)
    before = known.app if known and generation == known.generation + 1 else None
    return Kept(
        version=now,
        port=found.port if found else known.port if known else port(),
        generation=generation,
        owner=new(given.get("owner", "")),
        app=new(given.get("app", "")),
        app_before=before,
    )


def budget_problems(clusters: Iterable[Cluster], host_bytes: int, percent: int) -> list[Problem]:
    """Whether all clusters of a host together take no more of its memory than they may."""
    sizes = {cluster.place: megabytes(cluster.database.memory) for cluster in clusters}
    most = host_bytes * percent // 100 // 2**20
    if not host_bytes or sum(sizes.values()) <= most:
        return []
    what = f"databases of this host want {sum(sizes.values())} MB together, and may have {most}"
    listed = ", ".join(f"{place} {size} MB" for place, size in sizes.items())
    fix = f"give them less `memory`, or raise postgresql_memory_percent from {percent}"
    return [Problem(f"{what}: {listed}", "databases", f"{fix}; then {hint('provision')}")]
