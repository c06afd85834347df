# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of a scratch cluster while something is tried on it: its locks, the SQL that ran, rows that changed."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator

from ..errors import OperationError
from ..releases.databases import READER
from ..releases.scratch import LockSample, Rows, Scratch
from .postgresql import USER, as_postgres, psql, sql

#: How often locks are looked at. A lock that is held for less may not be seen.
SECONDS = 0.05
END_SECONDS = 10
_STRONG = "'AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock'"
#: An index' lock is its table's.
LOCKS = f"""SELECT concat_ws('|', extract(epoch FROM clock_timestamp()),
  concat(l.pid, '/', l.virtualtransaction), l.mode, coalesce(x.indrelid, l.relation)::regclass)
  FROM pg_locks l LEFT JOIN pg_index x ON x.indexrelid = l.relation
  WHERE l.locktype = 'relation' AND l.granted AND l.mode IN ({_STRONG}) AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
ROWS = """SET search_path = '';
SELECT concat_ws('|', n_tup_ins, n_tup_upd, n_tup_del, relid::regclass) FROM pg_stat_user_tables;
"""
#: Columns of PostgreSQL's csvlog that are the same in all versions.
_USER, _SEVERITY, _MESSAGE = 1, 11, 13
_STATEMENT = re.compile(r"(?:statement|execute [^:]*): (.*)", re.DOTALL)


class Trials:
    """Looking at copies."""

    @contextlib.contextmanager
    def watched(self, scratch: Scratch, database: str) -> Iterator[list[LockSample]]:
        """Strong locks that are held while the block runs; the list is filled at its end."""
        seen: list[LockSample] = []
        words = ["runuser", "-u", USER, "--", psql(), "--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]
        words += [f"--port={scratch.port}", f"--dbname={database}", "--file=-"]
        # A path of nobody's, so that names come with their schema, and what somebody has made is not called.
        text = f"SET search_path = '';\n{LOCKS} \\watch {SECONDS}\n"
        with tempfile.TemporaryFile("w+") as said:
            asking = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.DEVNULL, text=True)
            try:
                if asking.stdin is not None:
                    asking.stdin.write(text)
                    asking.stdin.close()
                yield seen
            finally:
                asking.terminate()
                asking.wait(END_SECONDS)
                said.seek(0)
                seen += [one for line in said if (one := _sample(line)) is not None]

    @contextlib.contextmanager
    def recorded(self, scratch: Scratch, database: str) -> Iterator[list[str]]:
        """The statements of whoever connects while the block runs, but for superusers; the list is filled at its end.
        Values that were given apart from a statement are left out: they are data."""
        statements: list[str] = []
        path = f"{os.path.dirname(scratch.directory)}/log/server.csv"
        before = _length(path)
        sql(scratch.port, "postgres", f"ALTER DATABASE \"{database}\" SET log_statement = 'all';")
        try:
            yield statements
        finally:
            sql(scratch.port, "postgres", f'ALTER DATABASE "{database}" RESET log_statement;')
            statements += statements_of(as_postgres(["tail", "-c", f"+{before + 1}", path]))

    def rows(self, scratch: Scratch, database: str) -> dict[str, Rows]:
        """How many rows of each table were touched since the copy was started."""
        found = {}
        for line in sql(scratch.port, database, ROWS).splitlines():
            inserted, updated, deleted, table = line.split("|", 3)
            found[table] = Rows(int(inserted), int(updated), int(deleted))
        return found


def statements_of(log: str) -> list[str]:
    """The statements in a csvlog, in order."""
    found = []
    for row in csv.reader(io.StringIO(log)):
        if len(row) <= _MESSAGE or row[_USER] in (USER, READER) or row[_SEVERITY] != "LOG":
            continue
        if said := _STATEMENT.match(row[_MESSAGE]):
            found.append(said[1].strip())
    return found


def fatal_of(log: str) -> str:
    """Why a server has stopped: the last such message of a csvlog, whose beginning may be cut; empty without one."""
    rows = (row for row in csv.reader(io.StringIO(log)) if len(row) > _MESSAGE)
    return next((row[_MESSAGE] for row in reversed(list(rows)) if row[_SEVERITY] in ("FATAL", "PANIC")), "")


def _sample(line: str) -> LockSample | None:
    parts = line.strip().split("|", 3)
    if len(parts) != 4:
        return None
    try:
        return LockSample(float(parts[0]), parts[1], parts[2], parts[3])
    except ValueError:
        return None


def _length(path: str) -> int:
    try:
        return int(as_postgres(["stat", "-c", "%s", path]))
    except OperationError:
        return 0
