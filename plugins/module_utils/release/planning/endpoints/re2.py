# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python's patterns as RE2 reads them, which Prometheus' programs use: the same matches, or none at all."""

from __future__ import annotations

import re

#: RE2 counts a repetition no further, also where one is within another.
MOST = 1000
_REPEAT = re.compile(r"\{(?:([0-9]+)(,)?([0-9]*)|,([0-9]+))\}")
_GROUP = re.compile(r"\?(?::|P<\w+>|([ims]+)\)|([is]*(?:-[is]+)?):)")
_CODE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))")
_SAME = frozenset("dDwWsSaftnrv")


class ForeignError(ValueError):
    """A pattern that RE2 does not have, or reads differently. The text says what of it."""


def literal(text: str) -> str:
    """A pattern that matches this text and no other."""
    return "".join(_character(one) for one in text)


def translated(pattern: str) -> str:
    """The pattern in RE2's language. Classes such as `\\w` mean ASCII there. Raises ForeignError."""
    return _Translation(pattern).run()


def _character(one: str) -> str:
    if not one.isascii() or not one.isprintable():
        return f"\\x{{{ord(one):x}}}"
    return one if one.isalnum() or one in " _" else f"\\{one}"


class _Translation:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.place = 0
        self.by_line = False
        #: How often what was read last repeats at most, and so for each group that is open.
        self.repeats = 1
        self.groups = [1]

    def run(self) -> str:
        parts = []
        while self.place < len(self.pattern):
            parts.append(self._next())
        return "".join(parts)

    def _next(self) -> str:
        one = self.pattern[self.place]
        if one == "\\":
            return self._escape()
        if one == "[":
            return self._class()
        if one == "(":
            return self._group()
        if one == "$":
            return self._end()
        if one in "*+?{":
            return self._repeat()
        self.place += 1
        self.repeats = self._closed() if one == ")" else 1
        return one if one in "|.^)" else _character(one)

    def _closed(self) -> int:
        inner = self.groups.pop()
        self.groups[-1] = max(self.groups[-1], inner)
        return inner

    def _escape(self) -> str:
        self.repeats = 1
        if found := _CODE.match(self.pattern, self.place):
            self.place = found.end()
            return f"\\x{{{int(found[1] or found[2] or found[3], 16):x}}}"
        one = self.pattern[self.place + 1]
        self.place += 2
        if one == "Z":
            return r"\z"
        if one in _SAME or one in "AbB":
            return f"\\{one}"
        if one.isascii() and one.isalnum():
            raise ForeignError(f"\\{one}")
        return _character(one)

    def _class(self) -> str:
        self.repeats = 1
        self.place += 1
        parts = ["["]
        if self.pattern.startswith("^", self.place):
            parts.append("^")
            self.place += 1
        begin = self.place
        while self.pattern[self.place] != "]" or self.place == begin:
            one = self.pattern[self.place]
            if self.pattern.startswith(r"\b", self.place):
                # A backspace, here.
                parts.append(r"\x08")
                self.place += 2
            elif one == "\\":
                parts.append(self._escape())
            else:
                parts.append(one if one == "-" else _character(one))
                self.place += 1
        self.place += 1
        return "".join([*parts, "]"])

    def _group(self) -> str:
        begin = self.place
        self.place += 1
        self.groups.append(1)
        if not self.pattern.startswith("?", self.place):
            return "("
        found = _GROUP.match(self.pattern, self.place)
        if found is None or (found[1] and begin):
            raise ForeignError(self.pattern[begin : begin + 4])
        self.place = found.end()
        if found[1]:
            self.groups.pop()
            self.by_line = self.by_line or "m" in found[1]
            return f"(?{''.join(dict.fromkeys(found[1]))})"
        return f"(?{found[2]}:" if found[2] else "(?:"

    def _end(self) -> str:
        self.place += 1
        if self.by_line:
            return "$"
        if self.pattern[self.place :].strip(")"):
            raise ForeignError("$ before the end")
        # For Python the last line's own end is the end, too.
        return r"\n?\z"

    def _repeat(self) -> str:
        if self.pattern[self.place] == "{":
            found = _REPEAT.match(self.pattern, self.place)
            if found is None:
                self.place += 1
                return r"\{"
            self.place = found.end()
            least, comma, most, only_most = found.groups()
            self.repeats *= max(int(most or only_most or least or 0), 1)
            self.groups[-1] = max(self.groups[-1], self.repeats)
            if self.repeats > MOST:
                raise ForeignError(f"more than {MOST} repetitions")
            text = f"{{0,{only_most}}}" if only_most else f"{{{least}{comma or ''}{most}}}"
        else:
            text = self.pattern[self.place]
            self.place += 1
        following = self.pattern[self.place : self.place + 1]
        if following == "+":
            raise ForeignError(f"{text}+")
        if following == "?":
            self.place += 1
            return f"{text}?"
        return text
