# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of files that a build does not see, as in `.dockerignore` and read as BuildKit reads them.

A pattern that this cannot read makes a `PatternError`; whoever reads a file of somebody else's then ignores nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

#: What BuildKit takes for a line at most; no such file is larger.
LARGEST = 65536
#: A regular expression with more of them could run for ever on a path made for it.
FEW = 2
_CLASS = re.compile(r"\[(\^?)((?:[A-Za-z0-9](?:-[A-Za-z0-9])?|_)+)\]")
_WITHIN, _ANYWHERE, _FOLDERS = "[^/]*", ".*", "(?:.*/)?"
#: Before folders, which may be none.
_ENTER = ""

Match = Callable[[str], bool]


class PatternError(ValueError):
    """A pattern that cannot be read, and why."""


class _Rule(NamedTuple):
    match: Match
    #: The pattern began with `!`: what it matches is seen after all.
    is_exception: bool


class Ignores:
    """Which paths these patterns ignore. The last pattern that matches a path or a folder above it decides."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._rules = [rule for pattern in patterns if (rule := _rule(pattern))]
        self._folders: dict[str, tuple[bool, ...]] = {"": (False,) * len(self._rules)}
        #: Something in an ignored folder may be seen.
        self.has_exceptions = any(rule.is_exception for rule in self._rules)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def ignores(self, path: str) -> bool:
        ignored = False
        for rule, matches in zip(self._rules, self._matches(path), strict=True):
            if matches:
                ignored = not rule.is_exception
        return ignored

    def _matches(self, path: str) -> tuple[bool, ...]:
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            self._folders[folder] = self._matches(folder)
        above = self._folders[folder]
        return tuple(known or rule.match(path) for known, rule in zip(above, self._rules, strict=True))


def problem(pattern: str) -> str:
    """Why a pattern cannot be read; empty if it can."""
    try:
        _rule(pattern)
    except PatternError as error:
        return str(error)
    return ""


def lines(text: str) -> list[str]:
    """The patterns of a file."""
    found = [line for line in text.removeprefix("\ufeff").split("\n") if not line.startswith("#")]
    return [line.strip() for line in found if line.strip()]


def _rule(pattern: str) -> _Rule | None:
    text = pattern.strip()
    is_exception = text.startswith("!")
    text = text[1:].strip() if is_exception else text
    if is_exception and not text:
        raise PatternError("names nothing")
    # A slash at the beginning or the end says nothing: the pattern is of the whole path, a folder's too.
    text = posixpath.normpath(text).lstrip("/") if text else ""
    return _Rule(_compiled(text), is_exception) if text else None


def _compiled(pattern: str) -> Match:
    parts = _parts(pattern)
    if parts[0] == _FOLDERS and pattern[2] != "/" and not re.search(r"[*?\[\]\\]", pattern[2:]):
        # BuildKit takes `**.md` for an end, but `**.m?` for a file that begins so.
        parts[0] = _ANYWHERE
    if sum(part in (_WITHIN, _ANYWHERE, _FOLDERS) for part in parts) > FEW:
        return _Steps(parts).match
    if all(len(part) == 1 or part[0] == "\\" for part in parts):
        return "".join(part[-1] for part in parts).__eq__
    expression = re.compile("".join(parts))
    return lambda path: expression.fullmatch(path) is not None


def _parts(pattern: str) -> list[str]:
    """Regular expressions of the parts of a pattern: a character, some characters, or folders."""
    parts: list[str] = []
    place = 0
    while place < len(pattern):
        letter = pattern[place]
        if pattern.startswith("**", place):
            place += 2
            place += pattern.startswith("/", place)
            parts.append(_FOLDERS if place < len(pattern) else _ANYWHERE)
            continue
        if letter == "[" and (found := _CLASS.match(pattern, place)) and _is_in_order(found[0]):
            parts.append(found[0])
            place = found.end()
            continue
        if letter in "[]" or (letter == "\\" and place + 1 == len(pattern)):
            raise PatternError(f"has {letter!r} in a place where it says nothing")
        if letter == "\\":
            place += 1
            letter = pattern[place]
            parts.append(re.escape(letter))
        else:
            parts.append({"*": _WITHIN, "?": "[^/]"}.get(letter) or re.escape(letter))
        place += 1
    return parts


def _is_in_order(letters: str) -> bool:
    return all(first <= last for first, last in re.findall("([A-Za-z0-9])-([A-Za-z0-9])", letters))


class _Steps:
    """A pattern with many wildcards: all ways through it at once, one character after the other."""

    def __init__(self, parts: list[str]) -> None:
        expanded = [step for part in parts for step in ((_ENTER, _FOLDERS) if part == _FOLDERS else (part,))]
        self._steps = [(part, re.compile(part)) for part in expanded]

    def match(self, path: str) -> bool:
        here = self._onward({0})
        for letter in path:
            here = self._onward({place for at in here for place in self._after(at, letter)})
            if not here:
                return False
        return len(self._steps) in here

    def _after(self, at: int, letter: str) -> Iterable[int]:
        part, expression = self._steps[at] if at < len(self._steps) else (_ENTER, None)
        if part == _WITHIN:
            return (at,) if letter != "/" else ()
        if part in (_ANYWHERE, _FOLDERS):
            ends = part == _FOLDERS and letter == "/"
            return () if letter == "\n" else (at, at + 1) if ends else (at,)
        return (at + 1,) if expression and part and expression.fullmatch(letter) else ()

    def _onward(self, places: set[int]) -> set[int]:
        """With the places that are reached without a character."""
        todo = list(places)
        while todo:
            at = todo.pop()
            part = self._steps[at][0] if at < len(self._steps) else _FOLDERS
            free = {_ENTER: (at + 1, at + 2), _WITHIN: (at + 1,), _ANYWHERE: (at + 1,)}.get(part, ())
            todo += [place for place in free if place not in places]
            places.update(free)
        return places
