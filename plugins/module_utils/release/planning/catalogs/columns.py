# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Columns: those that are gone, hold less, want more, or may no longer be read or written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ...releases.catalog import Catalog, Row

_INTEGERS = ("smallint", "integer", "bigint")
_TEXTS = re.compile(r"(?:character varying(?:\((\d+)\))?|text)$")
_NUMERIC = re.compile(r"numeric(?:\((\d+),(\d+)\))?$")
#: What apps may do with a column, by letter.
_RIGHTS = {"S": "SELECT", "I": "INSERT", "U": "UPDATE"}


def losses(before: Catalog, after: Catalog) -> Iterator[str]:
    for name, was in before.relations.items():
        now = after.relations.get(name)
        if now is None:
            continue
        old: Mapping[str, Row] = was.get("columns") or {}
        new: Mapping[str, Row] = now.get("columns") or {}
        for column, then in old.items():
            if column in new:
                yield from _column(f"{name}.{column}", then, new[column])
            else:
                yield f"column {name}.{column} is gone"
        yield from (_demand(f"{name}.{column}") for column, it in new.items() if column not in old and wants_value(it))
        if not set(was.get("rights") or []) - set(now.get("rights") or []):
            yield from _rights(name, old, new)


def wants_value(row: Row) -> bool:
    """Whether a row without a value for this column is refused."""
    return bool(row.get("not_null")) and not row.get("default") and not row.get("identity")


def widens(was: str, now: str) -> bool:
    """Whether every value of one type is one of the other, and means the same to code that reads it."""
    if was == now:
        return True
    if was in _INTEGERS and now in _INTEGERS:
        return _INTEGERS.index(was) < _INTEGERS.index(now)
    old, new = _TEXTS.match(was), _TEXTS.match(now)
    if old and new:
        return not new[1] or bool(old[1] and int(old[1]) <= int(new[1]))
    before, after = _NUMERIC.match(was), _NUMERIC.match(now)
    if before and after and before[1] and after[1]:
        return before[2] == after[2] and int(before[1]) <= int(after[1])
    return False


def _demand(place: str) -> str:
    return f"column {place} is new, wants a value and has no default"


def _column(place: str, was: Row, now: Row) -> Iterator[str]:
    if not widens(was["type"], now["type"]) or was.get("collation") != now.get("collation"):
        yield f"column {place} is {_type(now)} in place of {_type(was)}"
    if now.get("not_null") and not was.get("not_null"):
        yield f"column {place} takes no NULL any more"
    if (was.get("default") or was.get("identity")) and not (now.get("default") or now.get("identity")):
        yield f"column {place} has no default any more"
    if _is_always(now) and not _is_always(was):
        yield f"column {place} takes no value of others any more: PostgreSQL makes it"


def _type(row: Row) -> str:
    return str(row["type"]) + (f" sorted by {row['collation']}" if row.get("collation") else "")


def _is_always(row: Row) -> bool:
    return row.get("identity") == "a" or bool(row.get("generated"))


def _rights(name: str, old: Mapping[str, Row], new: Mapping[str, Row]) -> Iterator[str]:
    for letter, right in _RIGHTS.items():
        lost = [
            column
            for column, was in old.items()
            if column in new and letter in was.get("app", "") and letter not in new[column].get("app", "")
        ]
        if lost:
            yield f"apps may no longer {right} {', '.join(lost)} of {name}"
