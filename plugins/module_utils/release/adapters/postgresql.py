# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of PostgreSQL, as Debian's and Ubuntu's packages make and run them."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import OperationError
from ..hints import host_command
from ..paths import DATABASE_GUARD, SYSTEMD_UNITS
from ..planning.databases import files, roles
from ..planning.databases.clusters import Cluster
from ..releases.databases import DatabaseStatus, FoundCluster, database_name
from ..util.files import read, write_atomically
from ..util.printable import cause
from .gently import LEASH, UNSYNCED, gently

USER = "postgres"
PROGRAMS = "/usr/lib/postgresql"
SECONDS = 120
#: How long a status waits, which may ask many.
LOOK_SECONDS = 5
#: Of a superuser's own sessions: nothing that they say is logged, and they wait for nobody's lock.
OPTIONS = (
    "-c log_min_error_statement=panic -c log_statement=none -c log_min_duration_statement=-1 "
    "-c lock_timeout=10s -c statement_timeout=60s -c client_min_messages=warning"
)
STATUS = """SELECT concat_ws('|', current_setting('server_version'), pg_database_size(current_database()),
  (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()),
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
  current_setting('data_directory'));
"""


class _File(NamedTuple):
    text: str
    mode: int
    user: str


class Postgresql:
    """PostgreSQL on this host."""

    def __init__(
        self,
        settings: str = "/etc/postgresql",
        units: str = SYSTEMD_UNITS,
        rules: str = DATABASE_GUARD,
        owners: tuple[str, str] = (USER, "root"),
    ) -> None:
        self.settings, self.units, self.rules = settings, units, rules
        #: To whom settings and units belong.
        self.user, self.root = owners

    def clusters(self) -> dict[str, FoundCluster]:
        """All that the host has, by name; also those that people made."""
        if not shutil.which("pg_lsclusters"):
            return {}
        rows = [line.split() for line in run(["pg_lsclusters", "--no-header"]).splitlines()]
        return {row[1]: FoundCluster(row[0], row[1], int(row[2]), row[3].startswith("online")) for row in rows}

    def usual_version(self) -> str:
        """The one of the distribution, which its package without a number wants; empty if that is not installed."""
        asked = ["dpkg-query", "--show", "--showformat=${Depends}", "postgresql"]
        done = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        found = re.search(r"postgresql-(\d+)", done.stdout)
        return found.group(1) if found and done.returncode == 0 else ""

    def gateway(self) -> str:
        """The host's address in the network that Docker always has, which containers know as host.docker.internal."""
        words = ["docker", "network", "inspect", "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}", "bridge"]
        addresses = [one for one in run(words).split() if ":" not in one]
        if not addresses:
            raise OperationError("its own network has no address", "Docker", "docker0 has none", "restart Docker")
        return addresses[0]

    def create(self, cluster: Cluster) -> None:
        kept = cluster.kept
        words = ["pg_createcluster", "--port", str(kept.port), "--encoding", "UTF8", "--locale", "C.UTF-8"]
        run([*words, kept.version, cluster.name, "--", "--data-checksums"])

    def guard(self, rules: str, *, write: bool) -> bool:
        """Write the rules and load them. Returns whether that is a change."""
        try:
            there = _succeeds(["nft", "list", "table", "inet", "onehost_databases"])
        except FileNotFoundError:
            return True
        if (read(self.rules) or b"").decode() == rules and there:
            return False
        if write:
            # Kept once they are loaded: killed in between, the next run finds a difference and loads them again.
            run(["nft", "--file", "-"], rules)
            write_atomically(self.rules, rules.encode(), 0o644)
        return True

    def configure(self, cluster: Cluster, *, write: bool) -> list[str]:
        """Write what differs. What PostgreSQL does not take is put back as it was. Returns the changed paths, with a
        note that stays until it has read them: what a killed run has written would not differ any more."""
        wanted, note = self._files(cluster), self._note(cluster)
        waits = read(note) is not None
        before = {path: read(path) for path in wanted}
        changed = [path for path, file in wanted.items() if before[path] != file.text.encode()]
        if changed and write:
            self._write({note: _File("", 0o644, self.user)})
            self._write({path: wanted[path] for path in changed})
            try:
                self._check(cluster)
            except OperationError:
                for path in changed:
                    old = before[path]
                    if old is None:
                        os.remove(path)
                    else:
                        self._write({path: wanted[path]._replace(text=old.decode())})
                if not waits:
                    os.remove(note)
                raise
        if write and (waits or any(path.startswith(self.units) for path in changed)):
            run(["systemctl", "daemon-reload"])
        return [*changed, *([note] if waits else [])]

    def _note(self, cluster: Cluster) -> str:
        return f"{self.settings}/{cluster.kept.version}/{cluster.name}/onehost.pending"

    def _has_read(self, cluster: Cluster) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.remove(self._note(cluster))

    def _files(self, cluster: Cluster) -> dict[str, _File]:
        home = f"{self.settings}/{cluster.kept.version}/{cluster.name}"
        return {
            f"{home}/conf.d/onehost.conf": _File(files.settings(cluster), 0o644, self.user),
            f"{home}/pg_hba.conf": _File(files.access(cluster), 0o640, self.user),
            f"{home}/pg_ident.conf": _File(files.users(cluster), 0o640, self.user),
            f"{self.units}/{_unit(cluster)}.d/onehost.conf": _File(files.unit(cluster), 0o644, self.root),
        }

    def _write(self, wanted: Mapping[str, _File]) -> None:
        for path, file in wanted.items():
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            write_atomically(path, file.text.encode(), file.mode, pwd.getpwnam(file.user).pw_uid)

    def _check(self, cluster: Cluster) -> None:
        """Have PostgreSQL read its settings, and who may connect if it runs."""
        home = f"{self.settings}/{cluster.kept.version}/{cluster.name}"
        program = f"/usr/lib/postgresql/{cluster.kept.version}/bin/postgres"
        as_postgres([program, "-C", "max_connections", "-c", f"config_file={home}/postgresql.conf"])
        if (found := self.clusters().get(cluster.name)) and found.runs:
            rules = "SELECT concat_ws(': ', line_number, error) FROM pg_hba_file_rules WHERE error IS NOT NULL;"
            if wrong := sql(cluster.kept.port, "postgres", rules):
                raise OperationError("PostgreSQL does not take its pg_hba.conf", cluster.place, wrong)

    def start(self, cluster: Cluster) -> None:
        run(["systemctl", "enable", "--now", _unit(cluster)])
        # Its unit counts as started whether it is or not.
        if not self.clusters()[cluster.name].runs:
            log = f"/var/log/postgresql/postgresql-{cluster.kept.version}-{cluster.name}.log"
            lines = (read(log) or b"").decode(errors="replace").splitlines()[-5:]
            raise OperationError("did not start", cluster.place, "; ".join(lines), host_command(f"less {log}"))
        self._has_read(cluster)

    def load(self, cluster: Cluster) -> list[str]:
        """Reload its settings. Returns those that want a restart."""
        run(["systemctl", "reload", _unit(cluster)])
        self._has_read(cluster)
        return sql(cluster.kept.port, "postgres", "SELECT name FROM pg_settings WHERE pending_restart;").split()

    def restart(self, cluster: Cluster) -> None:
        run(["systemctl", "restart", _unit(cluster)])
        self.start(cluster)

    def create_database(self, cluster: Cluster) -> None:
        sql(cluster.kept.port, "postgres", roles.creation(cluster))

    def grant(self, cluster: Cluster, *, write: bool) -> bool:
        """Who may do what. Returns whether that is a change."""
        text = roles.applied(cluster, write=write)
        before, after = sql(cluster.kept.port, database_name(cluster.database.name), text).split()
        return before != after

    def status(self, port: int, database: str) -> DatabaseStatus:
        try:
            version, size, used, most, home = sql(port, database, STATUS, LOOK_SECONDS).split("|", 4)
        except OperationError as error:
            home = _home(port)
            return DatabaseStatus("postgresql", cause=error.cause, place=home, free_bytes=_free_bytes(home))
        known = (version.split()[0], int(size), int(used), int(most))
        return DatabaseStatus("postgresql", True, *known, place=home, free_bytes=_free_bytes(home))


def _unit(cluster: Cluster) -> str:
    return f"postgresql@{cluster.kept.version}-{cluster.name}.service"


def _home(port: int) -> str:
    """Where a cluster that does not answer has its files; empty where nobody knows."""
    with contextlib.suppress(OperationError, OSError):
        rows = [line.split() for line in run(["pg_lsclusters", "--no-header"], seconds=LOOK_SECONDS).splitlines()]
        return next((row[5] for row in rows if row[2] == str(port)), "")
    return ""


def _free_bytes(home: str) -> int | None:
    """What is free for its files and its log, which may be on a disk of its own; None where nobody knows."""
    found = []
    for path in (home, f"{home}/pg_wal") if home else ():
        with contextlib.suppress(OSError):
            found.append(shutil.disk_usage(path).free)
    return min(found, default=None)


def psql() -> str:
    """The newest that is installed, which knows all older servers. The one in the path is a script of Debian's that
    looks for it each time, which takes five times as long as the question."""
    found = glob.glob(f"{PROGRAMS}/*/bin/psql")
    return max(found, key=lambda path: int(path.split("/")[-3]), default="psql")


def sql(port: int, database: str, text: str, seconds: int = SECONDS) -> str:
    """What a superuser says by way of the socket: in its input, never among its words."""
    words = [psql(), "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]
    return as_postgres([*words, f"--port={port}", f"--dbname={database}", "--file=-"], text, seconds)


def as_postgres(words: list[str], text: str = "", seconds: int = SECONDS, *, low: bool = False) -> str:
    """`low`: behind all that serves people."""
    return run(["runuser", "-u", USER, "--", *words], text, seconds, low=low)


def run(words: list[str], text: str = "", seconds: int = SECONDS, *, low: bool = False) -> str:
    environment = {**os.environ, "PGOPTIONS": OPTIONS, "PGCONNECT_TIMEOUT": str(min(seconds, 10)), "LC_ALL": "C.UTF-8"}
    # What runs as postgres ends with the engine: a copy that goes on would write into what a recovery has put back.
    leash = LEASH if words[0] == "runuser" else ()
    name = os.path.basename(next(word for word in words if word not in ("runuser", "-u", USER, "--", *UNSYNCED)))
    try:
        done = subprocess.run(
            gently(words) if low else [*leash, *words],
            input=text,
            capture_output=True,
            text=True,
            # A program that cannot read what it was given prints it.
            errors="replace",
            timeout=seconds,
            check=False,
            env=environment,
            cwd="/",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OperationError(f"{name} did not answer", "PostgreSQL", str(error)) from None
    if done.returncode != 0:
        raise OperationError(f"{name} failed", "PostgreSQL", cause(done.stderr or done.stdout))
    return done.stdout.strip()


def _succeeds(words: list[str]) -> bool:
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
