# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a header, a body or a value of JSON is as a rule has it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ...releases.endpoints import Miss
from ...stack.endpoints.json_path import AbsentError, value_at
from ...stack.endpoints.model import Rule

_KINDS: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "integer": lambda value: (
        not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
}


def judge_text(rule: Rule, came: str | None, where: str, find: Callable[[str, str], bool | None]) -> list[Miss]:
    """A text, or None for one that is not there."""
    if came is None or not rule.present:
        return _presence(rule, came is not None, repr(came), where)
    misses = []
    if rule.equals and rule.equals[0] != came:
        misses.append(Miss(where, repr(rule.equals[0]), repr(came)))
    return misses + _pattern(rule, came, where, find)


def judge_json(
    rules: Mapping[str, Rule], body: bytes, where: str, find: Callable[[str, str], bool | None]
) -> list[Miss]:
    """The values of a body, each by its path."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        what = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        return [Miss(where, "JSON", f"something else ({what}): {body.decode(errors='replace')!r}")]
    return [miss for path, rule in rules.items() for miss in _at(rule, data, path, f"{where}.{path}", find)]


def _at(rule: Rule, data: Any, path: str, where: str, find: Callable[[str, str], bool | None]) -> list[Miss]:
    try:
        value = value_at(data, path)
    except AbsentError as error:
        return [] if not rule.present else [Miss(where, wanted(rule), str(error))]
    if not rule.present:
        return _presence(rule, True, shown(value), where)
    misses = []
    if rule.equals and not _same(rule.equals[0], value):
        misses.append(Miss(where, shown(rule.equals[0]), shown(value)))
    if rule.type and not _KINDS[rule.type](value):
        misses.append(Miss(where, f"type {rule.type}", shown(value)))
    if rule.matches and not isinstance(value, str):
        return [*misses, Miss(where, wanted(rule), shown(value))]
    return misses + (_pattern(rule, value, where, find) if isinstance(value, str) else [])


def _presence(rule: Rule, is_there: bool, came: str, where: str) -> list[Miss]:
    if is_there == rule.present:
        return []
    return [Miss(where, wanted(rule), came if is_there else "absent")]


def _pattern(rule: Rule, text: str, where: str, find: Callable[[str, str], bool | None]) -> list[Miss]:
    if not rule.matches:
        return []
    found = find(rule.matches, text)
    if found:
        return []
    came = repr(text) if found is False else "a text in which it could not be searched for in time"
    return [Miss(where, f"a match of {rule.matches!r}", came)]


def _same(wanted: Any, came: Any) -> bool:
    """Equal as JSON: true is not 1, and 1 is 1.0."""
    if isinstance(wanted, bool) or isinstance(came, bool):
        return wanted is came
    if isinstance(wanted, dict) and isinstance(came, dict):
        return wanted.keys() == came.keys() and all(_same(wanted[key], came[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(came, list):
        return len(wanted) == len(came) and all(map(_same, wanted, came))
    return bool(wanted == came)


def wanted(rule: Rule) -> str:
    """What a rule expects, in words."""
    if not rule.present:
        return "absent"
    if rule.equals:
        return shown(rule.equals[0])
    if rule.matches:
        return f"a match of {rule.matches!r}"
    return f"type {rule.type}" if rule.type else "a value"


def shown(value: Any) -> str:
    """A value as JSON has it."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        return f"this {type(value).__name__}"
