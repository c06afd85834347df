# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters that go back to a moment where they are: stopped, kept aside, brought to it, looked at, opened for writing.

All that is done below PostgreSQL's own directories is done as postgres, to whom they belong.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping

from ..errors import OperationError
from ..hints import host_command
from ..paths import SYSTEMD_UNITS
from ..planning.backups.units import PREFIXES
from ..releases.backups import Stanza
from ..releases.databases import READER
from ..releases.restores import fresh
from ..util.files import read, write_atomically
from ..util.printable import cause
from .postgresql import as_postgres, run, sql

#: While it is there, whoever connects can only read. A later name than that of the settings that are written there.
GUARD = "zz-onehost-restore.conf"
#: Nothing is archived either: a timeline that is given up must not be in the archive, where restores would follow it.
GUARD_TEXT = "# Written by onehost while this cluster is restored; it is removed in the end.\narchive_command = ''\n"
READ_ONLY = "default_transaction_read_only = on\n"
POLL_SECONDS = 0.2
#: A replay of a day's log takes minutes; one that goes on for a day is told.
REPLAY_SECONDS = 24 * 3600
REMOVAL_SECONDS = 10
#: The names of clusters that are kept: nothing else is ever removed.
ASIDE = r"before-\d{8}T\d{6}Z"
#: Tables of ours in the database that every cluster has, and no app uses.
HOME = "postgres"
HEARTBEAT = """CREATE SCHEMA IF NOT EXISTS onehost;
CREATE TABLE IF NOT EXISTS onehost.heartbeat (
  at timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
  xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  lsn pg_lsn NOT NULL DEFAULT pg_current_wal_insert_lsn());
"""
BEAT = "INSERT INTO onehost.heartbeat DEFAULT VALUES RETURNING extract(epoch FROM at);"
#: A file of the log is in the archive whole, and the commit may be in the one after that of its row.
_UNTIL = """SELECT coalesce(extract(epoch FROM max(at)), 0) FROM onehost.heartbeat, pg_stat_archiver
WHERE pg_walfile_name(lsn) < last_archived_wal;
"""
_LOST = """SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint - xid
  - (SELECT count(*) FROM onehost.heartbeat AS later WHERE later.at > one.at) - 1
FROM onehost.heartbeat AS one WHERE at <= to_timestamp({moment}) ORDER BY at DESC LIMIT 1;
"""
_TIMELINE = "SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int;"


class Restores:
    """Clusters on this host."""

    def __init__(
        self, settings: str = "/etc/postgresql", units: str = SYSTEMD_UNITS, mounts: str = "/proc/self/mountinfo"
    ) -> None:
        self.settings, self.units, self.mounts = settings, units, mounts

    def schedule(self, units: Mapping[str, str], *, write: bool) -> list[str]:
        """Have systemd know these units of ours, and no others. Returns the changed paths."""
        there = [name for name in os.listdir(self.units) if name.startswith(PREFIXES)]
        gone = [name for name in there if name not in units]
        new = [name for name, text in units.items() if read(f"{self.units}/{name}") != text.encode()]
        if write and (gone or new):
            for name in [name for name in gone if name.endswith(".timer")]:
                run(["systemctl", "disable", "--now", name])
            for name in gone:
                os.unlink(f"{self.units}/{name}")
            for name in new:
                write_atomically(f"{self.units}/{name}", units[name].encode(), 0o644)
            run(["systemctl", "daemon-reload"])
            for name in [name for name in new if name.endswith(".timer")]:
                run(["systemctl", "enable", "--now", name])
        return [f"{self.units}/{name}" for name in sorted({*gone, *new})]

    def answers(self, stanza: Stanza) -> bool:
        try:
            return sql(stanza.port, HOME, "SELECT 1;", 10) == "1"
        except OperationError:
            return False

    def beat(self, stanza: Stanza) -> float:
        """Write a heartbeat now. Returns its time, which is before that of its commit."""
        return float(sql(stanza.port, HOME, HEARTBEAT + BEAT).splitlines()[-1])

    def archived_until(self, stanza: Stanza) -> float | None:
        """The last heartbeat that is in the archive for certain: up to there every moment can be gone back to. None if
        the cluster does not answer; 0 if none is."""
        if not self.answers(stanza):
            return None
        if sql(stanza.port, HOME, "SELECT to_regclass('onehost.heartbeat') IS NULL;") == "t":
            return 0.0
        return float(sql(stanza.port, HOME, _UNTIL))

    def commits_since(self, stanza: Stanza, moment: float) -> int | None:
        """At most so many transactions have written since; without heartbeats nobody knows."""
        try:
            found = sql(stanza.port, HOME, _LOST.format(moment=f"{moment:.6f}"), 10)
        except OperationError:
            return None
        return max(0, int(found)) if found else None

    def newest_beat(self, port: int) -> float | None:
        """The last heartbeat in a copy; None if it has none."""
        if sql(port, HOME, "SELECT to_regclass('onehost.heartbeat') IS NULL;") == "t":
            return None
        found = sql(port, HOME, "SELECT extract(epoch FROM max(at)) FROM onehost.heartbeat;")
        return float(found) if found else None

    def damage(self, version: str, port: int) -> list[str]:
        """What PostgreSQL's own check finds wrong in a copy, in which it makes an extension for that."""
        program = f"/usr/lib/postgresql/{version}/bin/pg_amcheck"
        words = [program, f"--port={port}", "--all", "--install-missing", "--jobs=1"]
        try:
            as_postgres(words, seconds=REPLAY_SECONDS, low=True)
        except OperationError as error:
            return [error.cause]
        return []

    def answer(self, port: int, database: str, question: str, seconds: int) -> str:
        """What a copy says, asked as somebody who can only read. Raises OperationError."""
        text = f"SET SESSION AUTHORIZATION {READER};\nSET statement_timeout = '{seconds}s';\nBEGIN READ ONLY;\n"
        return sql(port, database, f"{text}{question.rstrip().rstrip(';')};\nROLLBACK;\n", seconds + 10)

    def timeline(self, stanza: Stanza) -> str:
        return sql(stanza.port, HOME, _TIMELINE)

    def free_bytes(self, stanza: Stanza) -> int:
        return shutil.disk_usage(os.path.dirname(os.path.dirname(stanza.data))).free

    def is_mounted(self, stanza: Stanza) -> bool:
        """Whether a disk, or another directory, is mounted at its data directory, which then cannot be moved."""
        return mount_name(os.path.realpath(stanza.data)) in mount_points((read(self.mounts) or b"").decode())

    def halt(self, stanza: Stanza) -> None:
        """Stop it. However it starts from now on, nobody writes."""
        write_atomically(self._guard(stanza), (GUARD_TEXT + READ_ONLY).encode(), 0o644)
        _systemctl("stop", stanza)

    def swap(self, stanza: Stanza, name: str) -> None:
        """Keep its data under another name, and put what was laid out in its place. Can be repeated."""
        if not os.path.lexists(self._aside(stanza, name)):
            if os.path.lexists(stanza.data):
                _move(stanza.data, self._aside(stanza, name))
            else:
                # It was lost. What is put back then is what there was: nothing.
                as_postgres(["mkdir", "--mode=0700", self._aside(stanza, name)])
        if os.path.lexists(fresh(stanza, name)):
            _move(fresh(stanza, name), stanza.data)

    def replay(self, stanza: Stanza, seconds: float = REPLAY_SECONDS) -> str:
        """Start it, and wait until it has got to where it was sent. Returns its timeline. Raises OperationError."""
        _systemctl("start", stanza)
        until = time.monotonic() + seconds
        while self._recovers(stanza):
            if time.monotonic() > until:
                raise OperationError("has not got to its target", stanza.name, f"after {seconds:.0f} s")
            # Between two looks: PostgreSQL tells nobody when it has got there, and the deadline above ends it.
            time.sleep(POLL_SECONDS)
        return self.timeline(stanza)

    def _recovers(self, stanza: Stanza) -> bool:
        """Raises OperationError once it has stopped."""
        try:
            return sql(stanza.port, HOME, "SELECT pg_is_in_recovery();", 10) == "t"
        except OperationError:
            state = subprocess.run(
                ["pg_lsclusters", "--no-header", stanza.version, stanza.name],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            ).stdout.split()
            if len(state) > 3 and state[3].startswith("online"):
                return True
            log = f"/var/log/postgresql/postgresql-{stanza.version}-{stanza.name}.log"
            lines = (read(log) or b"").decode(errors="replace").splitlines()
            told = [line for line in lines[-50:] if re.search(r"\b(FATAL|PANIC|HINT)\b", line)][-3:] or lines[-3:]
            fix = host_command(f"sudo less {log}")
            raise OperationError("PostgreSQL has stopped on its way", stanza.name, "; ".join(told), fix) from None

    def open(self, stanza: Stanza, *, for_good: bool) -> None:
        """Let apps write, and with `for_good` have that archived. Can be repeated."""
        if not for_good:
            write_atomically(self._guard(stanza), GUARD_TEXT.encode(), 0o644)
        elif os.path.lexists(self._guard(stanza)):
            os.unlink(self._guard(stanza))
        _systemctl("start", stanza)
        _systemctl("reload", stanza)

    def put_back(self, stanza: Stanza, name: str, *, starts: bool) -> None:
        """Its data as it was before, if that was kept aside; what is there in its place is removed. Can be repeated."""
        aside, failed = self._aside(stanza, name), f"{stanza.data}.failed"
        if os.path.lexists(aside):
            _systemctl("stop", stanza)
            if os.path.lexists(stanza.data):
                _remove(failed)
                _move(stanza.data, failed)
            _move(aside, stanza.data)
        _remove(failed)
        _remove(fresh(stanza, name))
        if os.path.lexists(self._guard(stanza)):
            os.unlink(self._guard(stanza))
        if starts:
            _systemctl("start", stanza)
            _systemctl("reload", stanza)

    def kept(self, stanza: Stanza) -> dict[str, int]:
        """The clusters of before that are kept, with their bytes; oldest first."""
        home, mine = os.path.split(stanza.data)
        names = sorted(os.listdir(home)) if os.path.isdir(home) else []
        found = [re.fullmatch(rf"{re.escape(mine)}\.({ASIDE})", name) for name in names]
        return {
            match[1]: int(as_postgres(["du", "--summarize", "--bytes", self._aside(stanza, match[1])]).split()[0])
            for match in found
            if match
        }

    def drop(self, stanza: Stanza, name: str) -> None:
        if not re.fullmatch(ASIDE, name):
            raise ValueError(name)
        _remove(self._aside(stanza, name))

    def clear(self, stanza: Stanza) -> None:
        """Stop it, and remove its data, which is nobody's yet. Can be repeated."""
        _systemctl("stop", stanza)
        _remove(stanza.data)

    def _guard(self, stanza: Stanza) -> str:
        return f"{self.settings}/{stanza.version}/{stanza.name}/conf.d/{GUARD}"

    @staticmethod
    def _aside(stanza: Stanza, name: str) -> str:
        return f"{stanza.data}.{name}"


def mount_points(mountinfo: str) -> set[str]:
    """The fifth field of each line, as proc(5) writes it."""
    return {fields[4] for line in mountinfo.splitlines() if len(fields := line.split()) > 4}


def mount_name(path: str) -> str:
    """A path as that field has it."""
    return "".join(f"\\{ord(one):03o}" if one in " \t\n\\" else one for one in path)


def _move(path: str, to: str) -> None:
    as_postgres(["mv", "--no-target-directory", path, to])
    as_postgres(["sync", "--file-system", os.path.dirname(path)])


def _remove(path: str) -> None:
    """Also while the helpers of a copy that was killed are about to end."""
    words = ["rm", "--recursive", "--force", "--one-file-system", "--", path]
    until = time.monotonic() + REMOVAL_SECONDS
    while os.path.lexists(path) and time.monotonic() < until:
        with contextlib.suppress(OperationError):
            as_postgres(words, seconds=3600)
            return
        # Between two attempts: those helpers are no children of ours to wait for.
        time.sleep(POLL_SECONDS)
    if os.path.lexists(path):
        as_postgres(words, seconds=3600)


def _systemctl(verb: str, stanza: Stanza) -> None:
    unit = f"postgresql@{stanza.version}-{stanza.name}.service"
    done = subprocess.run(
        ["systemctl", verb, unit], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        why = cause(done.stderr) or f"systemctl {verb} failed"
        raise OperationError(f"the cluster could not be told to {verb}", stanza.name, why)
