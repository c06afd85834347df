# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading untyped data (YAML, JSON) field by field, collecting every problem on the way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import Problem

#: Of a value that a message quotes, in characters.
LONGEST_QUOTE = 500
#: YAML reads 12:30:45, 0755, 1.10, no and 0x1F as other things than were written, and then nobody knows what was.
QUOTES = "write it in quotes; the result of a template, with `| string`"


def plain(value: Any) -> Any:
    """The same data in plain containers: templates pass lazy ones, which cannot be copied."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def shown(value: Any) -> str:
    """A value as a message quotes it, cut if it is long. Python refuses to write out very long numbers."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return f"this {type(value).__name__}"
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"


def no_text(value: Any) -> str:
    """Why a value is no text, without the value, which may be a secret. Empty for text."""
    if isinstance(value, str):
        return ""
    if isinstance(value, bool):
        return "must be text, and YAML reads this as true or false"
    if isinstance(value, (int, float)):
        return "must be text, and YAML reads this as a number"
    if value is None:
        return "must be text, and nothing stands there"
    return f"must be text, not {type(value).__name__}"


def quotes_for(value: Any) -> str:
    """What to write in place of a value that is no text."""
    if value is None:
        return 'write "" for an empty text'
    return "" if isinstance(value, (Mapping, list, tuple, set)) else QUOTES


class Fields:
    """One mapping under inspection. Each reader returns a usable value even if it notes a problem, so one pass finds
    everything that is wrong."""

    def __init__(self, data: Any, where: str, problems: list[Problem]) -> None:
        self.where = where
        self.problems = problems
        self.seen: set[str] = set()
        self.data: Mapping[str, Any] = {}
        if isinstance(data, Mapping):
            self.data = data
        else:
            self.note("", f"must be a mapping, not {type(data).__name__}")

    def note(self, key: str, what: str, fix: str = "") -> None:
        where = f"{self.where}.{key}" if key else self.where
        self.problems.append(Problem(what, where, fix))

    def value(self, key: str, default: Any = None) -> Any:
        self.seen.add(key)
        value = self.data.get(key)
        return default if value is None else value

    def text(
        self,
        key: str,
        default: str = "",
        *,
        pattern: str = "",
        required: bool = False,
        hint: str = "",
        numbers: bool = False,
    ) -> str:
        """A text. With `numbers` it may be a number too, because all that YAML makes of one means the same."""
        value = self.value(key, default)
        is_number = numbers and isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number and (why := no_text(value)):
            self.note(key, why, quotes_for(value))
            return default
        try:
            found = str(value)
        except ValueError:  # Python does not write out a number of thousands of digits
            self.note(key, "is too long")
            return default
        if required and not found:
            self.note(key, "is missing", hint or f"set `{key}`")
        elif found and pattern and not re.fullmatch(pattern, found):
            self.note(key, f"{shown(found)} is not valid", hint or f"must match {pattern}")
        return found

    def integer(self, key: str, default: int, lowest: int, highest: int, *, required: bool = False) -> int:
        value = self.value(key)
        if value is None:
            if required:
                self.note(key, "is missing", f"set `{key}` to a whole number from {lowest} to {highest}")
            return default
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,9}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.note(key, f"must be a whole number, not {shown(value)}")
            return default
        if not lowest <= value <= highest:
            self.note(key, f"{shown(value)} is out of range", f"choose {lowest} to {highest}")
        return value

    def number(self, key: str, default: float, lowest: float, highest: float) -> float:
        value = self.value(key, default)
        try:
            # float() takes digits of every script, and underscores.
            is_odd = isinstance(value, bool) or (isinstance(value, str) and not re.fullmatch(r"[0-9.eE+-]+", value))
            number = float("nan") if is_odd else float(value)
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        if not lowest <= number <= highest:
            self.note(key, f"{shown(value)} is not a number from {lowest:g} to {highest:g}")
            return default
        return number

    def boolean(self, key: str, default: bool) -> bool:
        value = self.value(key, default)
        if isinstance(value, bool):
            return value
        words = {"true": True, "yes": True, "false": False, "no": False}
        if isinstance(value, str) and value.lower() in words:
            return words[value.lower()]
        self.note(key, f"must be true or false, not {shown(value)}")
        return default

    def choice(self, key: str, default: str, choices: Sequence[str]) -> str:
        value = self.value(key, default)
        # YAML reads a bare `none` as text but `null`, `off` and `no` as other things; say so instead of guessing.
        if value not in choices:
            self.note(key, f"{shown(value)} is not known", "choose one of " + ", ".join(choices))
            return default
        return str(value)

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.value(key, [])
        if isinstance(value, str) or not isinstance(value, Sequence):
            self.note(key, "must be a list of texts")
            return ()
        if odd := [item for item in value if not isinstance(item, str)]:
            self.note(key, "must be a list of texts", quotes_for(odd[0]))
            return ()
        return tuple(str(item) for item in value)

    def items(self, key: str) -> list[Any]:
        value = self.value(key, [])
        if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
            self.note(key, "must be a list")
            return []
        return list(value)

    def mapping(self, key: str) -> dict[str, Any]:
        value = self.value(key, {})
        if not isinstance(value, Mapping):
            self.note(key, f"must be a mapping, not {type(value).__name__}")
            return {}
        for name in value:
            if not isinstance(name, str):
                self.note(key, f"has the name {shown(name)}, which YAML does not read as text", "write it in quotes")
        return {name if isinstance(name, str) else shown(name): item for name, item in value.items()}

    def values(self, key: str) -> dict[str, str]:
        """A mapping of environment variables, whose values are texts."""
        result: dict[str, str] = {}
        for name, item in self.mapping(key).items():
            if why := no_text(item):
                self.note(f"{key}.{name}", why, quotes_for(item))
            else:
                result[name] = str(item)
        return result

    def reasons(self, key: str, why: str) -> dict[str, str]:
        """Exceptions: a mapping of what is meant to the reason, which must be given."""
        found = self.values(key)
        for name, reason in found.items():
            if not name.strip() or not reason.strip():
                self.note(f"{key}.{name}", "has no reason" if name.strip() else "is no name", f"say {why}")
        return found

    def no_others(self) -> None:
        """Note every key that no reader asked for: it is probably a typing mistake."""
        for name in self.data:
            if name not in self.seen:
                known = ", ".join(sorted(self.seen))
                self.note(
                    name if isinstance(name, str) else shown(name),
                    "is not a known option",
                    f"remove it, or choose one of: {known}",
                )
