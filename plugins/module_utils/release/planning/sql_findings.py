# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is dangerous in the SQL of a migration, whatever wrote it: rows that go, tables that are written as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..releases.rehearsal import Finding
from ..releases.scratch import Rows

#: So many rows of a table at once are many: each is written twice, and locked until the end.
MANY_ROWS = 50_000
#: The rules of squawk that are about locks and about rows that are refused. Its others are a matter of taste, or of
#: limits that are set from outside.
LINTED = frozenset(
    {
        "adding-field-with-default",
        "adding-foreign-key-constraint",
        "adding-not-nullable-field",
        "adding-required-field",
        "adding-serial-primary-key-field",
        "ban-concurrent-index-creation-in-transaction",
        "ban-truncate-cascade",
        "changing-column-type",
        "constraint-missing-not-valid",
        "disallowed-unique-constraint",
        "require-concurrent-index-creation",
        "require-concurrent-index-deletion",
    }
)
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TRUNCATE = re.compile(r"\btruncate\s+(?:table\s+)?(?:only\s+)?([\w.\"]+)", re.IGNORECASE)
_WRITE = re.compile(
    r"\b(?:update\s+(?:only\s+)?([\w.\"]+)\s+(?:as\s+\w+\s+|\w+\s+)?set|delete\s+from\s+(?:only\s+)?([\w.\"]+))\b",
    re.IGNORECASE,
)
_BOUND = re.compile(r"\bwhere\b|\busing\b", re.IGNORECASE)


def findings(statements: Iterable[str], rows: Mapping[str, Rows]) -> tuple[Finding, ...]:
    """The findings on these statements. `rows` tells how many rows of which table they touched."""
    found = []
    for whole in statements:
        for text in _COMMENTS.sub(" ", whole).split(";"):
            line = " ".join(text.split())
            if match := _TRUNCATE.search(line):
                found.append(Finding("truncate", f"removes all rows of {_plain(match[1])}", line[:200]))
            elif (match := _WRITE.search(line)) and not _BOUND.search(line):
                table = _plain(match[1] or match[2])
                touched = _touched(table, rows)
                if touched > MANY_ROWS:
                    what = f"writes all {touched} rows of {table} in one statement"
                    found.append(Finding("unbounded-write", what, line[:200]))
    return tuple(found)


def one_a_line(statements: Iterable[str]) -> list[str]:
    """Statements without their comments, each on one line and without its end, so that a line tells which it is."""
    lines = [" ".join(_COMMENTS.sub(" ", text).split()).rstrip("; ") for text in statements]
    return [line for line in lines if line]


def _plain(name: str) -> str:
    return name.replace('"', "")


def _touched(table: str, rows: Mapping[str, Rows]) -> int:
    """A statement may name its table without its schema."""
    mine = [it for name, it in rows.items() if _plain(name) == table or _plain(name).endswith(f".{table}")]
    return max((it.updated + it.deleted for it in mine), default=0)
