# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of a scratch cluster: its settings, who may connect, its guard, and how it is started."""

from __future__ import annotations

from collections.abc import Mapping

from ...releases.databases import LOGINS, OWNER, READER
from ...releases.scratch import ScratchWanted
from ...stack.database_reader import megabytes
from .clusters import FIRST_PORT, LAST_PORT
from .files import HEAD, MAP, users

#: A copy is behind whatever serves people: what its slice weighs is in its unit, of role release_engine.
NICE, SLICE = 15, "onehost.slice"
#: What it reads and writes is kept in memory too. Where that is short the kernel writes all that waits to be written at
#: once, with one control group version also what is not this copy's, and commits of production wait for the disk.
CACHED_MEGABYTES = 512
#: What nobody syncs is often removed before it was ever written. Beside containers it is written as it comes: with each
#: that ends all that waits is, and commits of production wait for that.
_WRITTEN_LATE = {"checkpoint_flush_after": "0", "bgwriter_flush_after": "0"}
_WRITTEN_SOON = {"checkpoint_flush_after": "256kB", "bgwriter_flush_after": "512kB", "backend_flush_after": "256kB"}
#: What pg_control tells of the source, by its name in the settings.
_KNOWN = {
    "max_connections": "max_connections",
    "max_worker_processes": "max_worker_processes",
    "max_wal_senders": "max_wal_senders",
    "max_prepared_xacts": "max_prepared_transactions",
    "max_locks_per_xact": "max_locks_per_transaction",
}


def unit(name: str) -> str:
    return f"onehost-scratch-{name}.service"


def texts(wanted: ScratchWanted, place: str, port: int, sockets: str, known: Mapping[str, int]) -> dict[str, str]:
    """Its files by name. `known` are settings of the source by which a copy must not fall short."""
    access = f"{HEAD}local all postgres peer\nlocal all {READER} peer map={MAP}\n"
    if wanted.address:
        access += f"host all {','.join((OWNER, *LOGINS))} {wanted.block} scram-sha-256\n"
    settings = {
        "data_directory": f"{place}/data",
        "hba_file": f"{place}/pg_hba.conf",
        "ident_file": f"{place}/pg_ident.conf",
        "external_pid_file": "",
        "port": str(port),
        "listen_addresses": wanted.address,
        "unix_socket_directories": sockets,
        "shared_buffers": f"{max(16, megabytes(wanted.memory) // 4)}MB",
        "maintenance_work_mem": f"{max(16, megabytes(wanted.memory) // 8)}MB",
        "jit": "off",
        "ssl": "off",
        # It is thrown away: nothing of it must last, and none of it is archived.
        "fsync": "off",
        **(_WRITTEN_SOON if wanted.address else _WRITTEN_LATE),
        "archive_mode": "off",
        "hot_standby": "on",
        "logging_collector": "on",
        "log_destination": "csvlog",
        "log_directory": f"{place}/log",
        "log_filename": "server",
        "log_rotation_age": "0",
        "log_rotation_size": "0",
        "log_file_mode": "0600",
        "log_timezone": "UTC",
        **{setting: str(known[name]) for name, setting in _KNOWN.items() if name in known},
        **wanted.settings,
    }
    return {
        "port": f"{port}\n",
        "postgresql.conf": HEAD + "".join(f"{name} = '{value}'\n" for name, value in settings.items()),
        "pg_hba.conf": access,
        "pg_ident.conf": users(),
    }


def start(wanted: ScratchWanted, place: str) -> list[str]:
    """The command that starts it, and returns once it answers. What somebody set by ALTER SYSTEM comes with a copy, so
    what must not be is said once more."""
    properties = {
        "Type": "notify",
        "User": "postgres",
        "Slice": SLICE,
        "Nice": NICE,
        "MemoryMax": f"{megabytes(wanted.memory) + CACHED_MEGABYTES}M",
        # At once: nothing of it must last.
        "KillSignal": "SIGQUIT",
        "TimeoutStartSec": f"{wanted.seconds:g}",
        "TimeoutStopSec": 30,
    }
    program = f"/usr/lib/postgresql/{wanted.version}/bin/postgres"
    words = ["systemd-run", "--quiet", "--collect", f"--unit={unit(wanted.name)}"]
    words += [f"--property={name}={value}" for name, value in properties.items()]
    firm = {"listen_addresses": wanted.address, "archive_mode": "off", "hba_file": f"{place}/pg_hba.conf"}
    options = [word for name, value in firm.items() for word in ("-c", f"{name}={value}")]
    return [*words, "--", program, "-c", f"config_file={place}/postgresql.conf", *options]


def guard(port: int, block: str) -> str:
    """Rules of nftables in a table of its own: its port for these addresses alone, and nothing else of the host for
    them. Ports of other clusters have guards of their own."""
    return (
        f"{no_guard(port)}table inet onehost_scratch_{port} {{\n    chain guard {{\n"
        "        type filter hook input priority -5; policy accept;\n"
        "        ct state established,related accept\n"
        f"        ip saddr {block} tcp dport != {FIRST_PORT}-{LAST_PORT} counter reject with tcp reset\n"
        f"        ip saddr {block} meta l4proto != tcp counter drop\n"
        f'        iifname != "lo" tcp dport {port} ip saddr != {block} counter reject with tcp reset\n'
        "    }\n}\n"
    )


def no_guard(port: int) -> str:
    return f"table inet onehost_scratch_{port}\ndelete table inet onehost_scratch_{port}\n"
