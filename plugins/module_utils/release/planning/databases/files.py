# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of the files of a cluster: its settings, who may connect from where, its unit, the guard of its port."""

from __future__ import annotations

from collections.abc import Mapping

from ...paths import DATABASE_GUARD
from ...releases.databases import LOGINS, OWNER, READER, database_name
from ...stack.database_reader import megabytes
from ..backups.pgbackrest import archive_command
from ..backups.stanzas import stanza_of
from .clusters import Cluster

HEAD = "# Written by onehost; changes here are lost.\n"
#: So that somebody comes in when apps have taken all connections.
RESERVED = 5
#: Maps users of the host to roles that have no password.
MAP = "onehost"


def settings(cluster: Cluster) -> str:
    """Of the memory a quarter is shared; what connections sort and join in is another quarter."""
    memory, connections = megabytes(cluster.database.memory), cluster.database.connections
    values = {
        "listen_addresses": f"'{cluster.address}'",
        "max_connections": connections + RESERVED,
        "superuser_reserved_connections": RESERVED,
        "shared_buffers": f"{memory // 4}MB",
        "effective_cache_size": f"{memory // 2}MB",
        "work_mem": f"{max(1, memory // 4 // connections)}MB",
        "maintenance_work_mem": f"{max(16, memory // 8)}MB",
        # Compiling a query takes each connection ten megabytes, which is twice what is counted for it.
        "jit": "off",
        "password_encryption": "'scram-sha-256'",
        # Connections never leave the host.
        "ssl": "off",
        **archiving(cluster),
    }
    return HEAD + "".join(f"{name} = {value}\n" for name, value in values.items())


def archiving(cluster: Cluster) -> dict[str, str]:
    """What becomes of its log. It is on in any case, since turning it on wants a restart: the day on which somebody
    wants backups is none for that."""
    if cluster.database.backup is None:
        return {"archive_mode": "on", "archive_command": "'/bin/true'"}
    command = archive_command(stanza_of(cluster))
    # A file of the log that is not full yet is handed on after this time.
    return {"archive_mode": "on", "archive_command": f"'{command}'", "archive_timeout": "60s"}


def access(cluster: Cluster) -> str:
    """pg_hba.conf: the superuser and the reader by way of the host's own users; apps from their own addresses alone."""
    database, users = database_name(cluster.database.name), ",".join((OWNER, *LOGINS))
    return (
        f"{HEAD}local all postgres peer\n"
        # `all` is no word for it: a copy for a rehearsal is made by this.
        "local replication postgres peer\n"
        f"local {database} {READER} peer map={MAP}\n"
        f"host {database} {users} {cluster.block} scram-sha-256\n"
    )


def users(_cluster: Cluster | None = None) -> str:
    """pg_ident.conf."""
    return HEAD + "".join(f"{MAP} {user} {READER}\n" for user in ("root", "postgres"))


def unit(cluster: Cluster) -> str:
    """A drop-in of its service. It listens on an address that Docker makes, and is there before Docker's containers."""
    memory = megabytes(cluster.database.memory)
    return (
        f"{HEAD}[Unit]\nBefore=docker.service\n\n"
        "[Service]\n"
        "# It may listen on the address of Docker's bridge before there is one.\n"
        "ExecStartPre=/bin/sh -c 'echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind'\n"
        "# Without its guard it does not start.\n"
        f"ExecStartPre=/usr/sbin/nft --file {DATABASE_GUARD}\n"
        f"MemoryMax={memory}M\n"
    )


def guard(ports: Mapping[int, str]) -> str:
    """Rules of nftables in a table of their own: each port for the containers of its own environment alone."""
    lines = [
        f'        iifname != "lo" tcp dport {port} ip saddr != {block} counter reject with tcp reset'
        for port, block in sorted(ports.items())
    ]
    return "\n".join(
        [
            f"{HEAD}table inet onehost_databases",
            "delete table inet onehost_databases",
            "table inet onehost_databases {",
            "    chain guard {",
            "        type filter hook input priority -5; policy accept;",
            *lines,
            "    }",
            "}\n",
        ]
    )
