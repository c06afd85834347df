# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of a catalog as a whole: what is gone, what is another thing now, who may do less with it."""

from __future__ import annotations

from collections.abc import Iterator

from ...releases.catalog import Catalog, Row, Rows

#: Of relations, by PostgreSQL's own letters.
RELATIONS = {
    "r": "table",
    "p": "table",
    "v": "view",
    "m": "materialized view",
    "S": "sequence",
    "c": "type",
    "f": "foreign table",
}
#: The limits of a sequence, and which way they become stricter.
_LEAST, _MOST = "least", "most"


def losses(before: Catalog, after: Catalog) -> Iterator[str]:
    yield from _gone("schema", before.schemas, after.schemas)
    yield from _gone("extension", before.extensions, after.extensions)
    for name, was in before.relations.items():
        now = after.relations.get(name)
        kind = word(was)
        if now is None:
            yield f"{kind} {name} is gone"
        else:
            yield from _relation(name, kind, was, now)
    for name, was in before.schemas.items():
        if was.get("usage") and name in after.schemas and not after.schemas[name].get("usage"):
            yield f"apps may no longer use schema {name}"
    for name, was in before.functions.items():
        yield from _function(name, was, after.functions.get(name))
    for name, was in before.types.items():
        yield from _type(name, was, after.types.get(name))


def word(row: Row) -> str:
    """What people call a relation."""
    return RELATIONS.get(str(row.get("kind")), "relation")


def _gone(what: str, before: Rows, after: Rows) -> Iterator[str]:
    yield from (f"{what} {name} is gone" for name in before if name not in after)


def _relation(name: str, kind: str, was: Row, now: Row) -> Iterator[str]:
    if word(now) != kind:
        yield f"{kind} {name} is a {word(now)} now"
    if was.get("filled") and not now.get("filled"):
        yield f"{kind} {name} holds nothing until it is refreshed"
    yield from (f"{name} is no longer part of {parent}" for parent in sorted(set(was["of"]) - set(now["of"])))
    if not was.get("row_security") and now.get("row_security"):
        yield f"row level security hides rows of {name}"
    elif now.get("row_security") and not was.get("row_security_of_owner") and now.get("row_security_of_owner"):
        yield f"row level security hides rows of {name} from its owner"
    lost = [right for right in was.get("rights") or [] if right not in (now.get("rights") or [])]
    if lost:
        yield f"apps may no longer {' or '.join(lost)} {'from ' if lost == ['DELETE'] else ''}{name}"
    if kind == "sequence":
        if now.get(_MOST, 0) < was.get(_MOST, 0) or now.get(_LEAST, 0) > was.get(_LEAST, 0):
            yield f"sequence {name} ends earlier"
        if was.get("cycles") and not now.get("cycles"):
            yield f"sequence {name} no longer begins again at its end"


def _function(name: str, was: Row, now: Row | None) -> Iterator[str]:
    if now is None:
        yield f"function {name} is gone"
        return
    if now["returns"] != was["returns"] or now["kind"] != was["kind"]:
        yield f"function {name} returns {now['returns']} in place of {was['returns']}"
    if now.get("defaults", 0) < was.get("defaults", 0):
        yield f"function {name} wants more arguments"
    if was.get("execute") and not now.get("execute"):
        yield f"apps may no longer call {name}"


def _type(name: str, was: Row, now: Row | None) -> Iterator[str]:
    if now is None:
        yield f"type {name} is gone"
        return
    for label in was.get("labels") or []:
        if label not in (now.get("labels") or []):
            yield f"value {label!r} of {name} is gone"
    if was.get("base") != now.get("base"):
        yield f"type {name} is {now.get('base')} in place of {was.get('base')}"
    if now.get("not_null") and not was.get("not_null"):
        yield f"type {name} takes no NULL any more"
    if was.get("default") and not now.get("default"):
        yield f"type {name} has no default any more"
    for check in now.get("checks") or []:
        if check not in (was.get("checks") or []):
            yield f"type {name} has a new check: {check}"
