# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Constraints, unique indexes, triggers and policies: what refuses rows that were taken, or what code relies on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ...releases.catalog import Catalog, Row
from .columns import wants_value

_KINDS = {"c": "check", "u": "unique", "p": "primary key", "f": "foreign key", "x": "exclusion", "t": "trigger"}
#: Upserts name the columns of these.
_TARGETS = ("u", "p", "x")
#: A foreign key that does more than to refuse.
_ACTS = re.compile(r"\bON (DELETE|UPDATE) (CASCADE|SET)\b")
#: A check that a row without a value for its column does not pass.
_MINDS_NULL = re.compile(r"IS NOT NULL|COALESCE|IS TRUE|IS DISTINCT FROM", re.IGNORECASE)


def losses(before: Catalog, after: Catalog) -> Iterator[str]:
    yield from _constraints(before, after)
    yield from _indexes(before, after)
    yield from _triggers(before, after)
    yield from _policies(before, after)


def _is_there(catalog: Catalog, row: Row) -> bool:
    """Whether its table is one of the catalog's."""
    return row["table"] in catalog.relations


def _concerns_new_alone(before: Catalog, row: Row) -> bool:
    """Whether it is about columns alone that code of before does not know, and leaves empty."""
    known: Mapping[str, Row] = before.relations[row["table"]].get("columns") or {}
    names = row.get("columns") or []
    # No name: an expression, of whatever columns.
    return bool(names) and not any(name is None or name in known for name in names)


def _constraints(before: Catalog, after: Catalog) -> Iterator[str]:
    for name, was in before.constraints.items():
        now = after.constraints.get(name)
        if not _is_there(after, was) or (now and now["definition"] == was["definition"]):
            continue
        # That the same rows are refused is seen by the indexes; an upsert may name the constraint itself.
        if was["kind"] in _TARGETS and (now or was["kind"] == "x" or _key(was) in _keys(after)):
            yield f"{_KINDS[was['kind']]} {name} is {'another one' if now else 'gone'}, which upserts may name"
        elif was["kind"] == "f" and _ACTS.search(was["definition"]) and not _has_same(after, was):
            yield f"foreign key {name} is gone, which changed rows by itself: {was['definition']}"
    for name, now in after.constraints.items():
        then = before.constraints.get(name)
        if not _is_there(before, now) or now["kind"] in ("u", "p"):
            continue
        if (then and then["definition"] == now["definition"]) or _has_same(before, now):
            continue
        if not _concerns_new_alone(before, now) or _refuses_empty(after, now):
            yield f"{_KINDS.get(now['kind'], 'constraint')} {name} is new: {now['definition']}"


def _has_same(catalog: Catalog, row: Row) -> bool:
    """Whether there is the same, by whatever name."""
    wanted = (row["table"], row["kind"], row["definition"])
    return any((it["table"], it["kind"], it["definition"]) == wanted for it in catalog.constraints.values())


def _refuses_empty(after: Catalog, row: Row) -> bool:
    columns: Mapping[str, Row] = after.relations[row["table"]].get("columns") or {}
    mine = [columns[name] for name in row["columns"] if name in columns]
    if row["kind"] != "c" or any(wants_value(column) for column in mine):
        return False  # such a column is told of itself
    return bool(_MINDS_NULL.search(row["definition"])) and not all(column.get("default") for column in mine)


def _key(row: Row) -> tuple[str, str]:
    """What is unique: of an index its definition without its name."""
    return row["table"], row.get("index") or row["definition"]


def _keys(catalog: Catalog) -> set[tuple[str, str]]:
    return {_key(row) for row in catalog.indexes.values()}


def _indexes(before: Catalog, after: Catalog) -> Iterator[str]:
    kept, known = _keys(after), _keys(before)
    for name, was in before.indexes.items():
        if _is_there(after, was) and _key(was) not in kept and _has_its_columns(after, was):
            yield f"unique index {name} is gone, which upserts may name: {was['definition']}"
    for name, now in after.indexes.items():
        if not _is_there(before, now) or _key(now) in known:
            continue
        if not _concerns_new_alone(before, now) or "NULLS NOT DISTINCT" in now["definition"]:
            yield f"unique index {name} is new: {now['definition']}"


def _has_its_columns(catalog: Catalog, row: Row) -> bool:
    """A column that is gone is told of itself."""
    there = catalog.relations[row["table"]].get("columns") or {}
    return all(name is None or name in there for name in row.get("columns") or [])


def _triggers(before: Catalog, after: Catalog) -> Iterator[str]:
    for name, was in before.triggers.items():
        now = after.triggers.get(name)
        if not _is_there(after, was) or not was.get("enabled"):
            continue
        if now is None or not now.get("enabled"):
            yield f"trigger {name} {'is gone' if now is None else 'is disabled'}"
        elif now["definition"] != was["definition"]:
            yield f"trigger {name} is another one: {now['definition']}"
    for name, now in after.triggers.items():
        then = before.triggers.get(name)
        refused = then is not None and then.get("enabled") and then.get("refuses")
        if _is_there(before, now) and now.get("enabled") and now.get("refuses") and not refused:
            yield f"trigger {name} may refuse what was taken: {now['definition']}"


def _policies(before: Catalog, after: Catalog) -> Iterator[str]:
    for name, was in before.policies.items():
        if _is_there(after, was) and was.get("permissive") and after.policies.get(name) != was:
            yield f"policy {name} no longer lets through what it did"
    for name, now in after.policies.items():
        if _is_there(before, now) and not now.get("permissive") and before.policies.get(name) != now:
            yield f"policy {name} refuses more"
