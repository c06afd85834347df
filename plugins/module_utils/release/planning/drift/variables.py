# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Environment variables that code reads, and that files of values and documentation name."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from ...env.matrix import PUBLIC_PREFIXES

Read = tuple[int, str]

_NAME = rb"[A-Za-z_][A-Za-z0-9_]{0,127}"
#: What follows `process.env` and `import.meta.env`.
_MEMBER = re.compile(
    rb"(?:\?\.|!)?(?:\.?(?P<dot>(?<=\.)"
    + _NAME
    + rb")|\s{0,8}\[\s{0,8}(?P<quote>[\"'`])(?P<key>"
    + _NAME
    + rb")(?P=quote)\s{0,8}\])"
)
#: What stands between the pattern of an assignment and these: `} = `, `}: Record<string, string> = `.
_ASSIGNED = re.compile(rb"\}\s{0,40}(?::[^={}]{0,200})?=\s{0,40}\(?\s{0,8}$")
#: The longest pattern that is read.
_LONGEST = 8000
MOST_BRACES = 64
#: Of one file. More is made to be slow, or data.
MOST = 10_000
_COMMENT = re.compile(rb"//[^\n]{0,500}|/\*.{0,500}?\*/", re.DOTALL)
_PYTHON = re.compile(
    rb"\s{0,8}(?:\[\s{0,8}|\.(?:get|pop|setdefault)\(\s{0,8}|\(\s{0,8})"
    rb"[rbuRBU]{0,2}(?P<quote>[\"'])(?P<key>" + _NAME + rb")(?P=quote)"
)
#: `KEY=value` on a line of its own.
_LINE = re.compile(
    rb"^[ \t]{0,8}(?:export[ \t]{1,4})?("
    + _NAME
    + rb")=(?:[ \t]*\"([^\"\n]*)\"|[ \t]*'([^'\n]*)'|([^\s#]*))[ \t]*(?:#[^\n]*)?\r?$",
    re.MULTILINE,
)
#: What stands before a value: `KEY=`, `"KEY": "`, `KEY: '`.
_KEY_BEFORE = re.compile(rb"(?<![A-Za-z0-9_])(" + _NAME + rb")[\"']?\s{0,8}[:=]\s{0,8}[\"'`]?$")
#: Vite's own.
_OF_VITE = frozenset(("MODE", "DEV", "PROD", "SSR", "BASE_URL"))


def in_script(data: bytes) -> Iterator[Read]:
    """Places and names that JavaScript and TypeScript read."""
    for word in (b"process.env", b"import.meta.env"):
        for place in _places_of(data, word):
            if not _is_comment(data, place, (b"//", b"*", b"/*")):
                for name in _script_names(data, place, place + len(word)):
                    if not (word.startswith(b"import") and name in _OF_VITE):
                        yield place, name


def _script_names(data: bytes, place: int, end: int) -> Iterator[str]:
    member = _MEMBER.match(data, end)
    if member:
        yield (member["dot"] or member["key"]).decode()
    elif data[end : end + 1] not in (b".", b"[", b"_"):
        yield from _taken_apart(data[max(0, place - _LONGEST) : place])


def _taken_apart(before: bytes) -> Iterator[str]:
    """`const {A, B: b, C = "x", ...rest} = process.env`"""
    if not (assigned := _ASSIGNED.search(before[-300:])):
        return
    close = max(0, len(before) - 300) + assigned.start()
    begin = _opening(before, close)
    if begin < 0:
        return
    depth = 0
    for part in re.findall(rb"[{}()\[\]]|,|[^{}()\[\],]+", b"," + _COMMENT.sub(b"", before[begin + 1 : close])):
        if part in b"{([":
            depth += 1
        elif part in b"})]":
            depth -= 1
        elif depth == 0 and (name := re.match(rb"\s*[\"']?(" + _NAME + rb")[\"']?\s*(?:[:=]|$)", part)):
            yield name[1].decode()


def _opening(text: bytes, close: int) -> int:
    """The place of the brace that belongs to the one at `close`; -1 if it is not near."""
    depth, begin = 1, close
    for _brace in range(MOST_BRACES):
        opened, closed = text.rfind(b"{", 0, begin), text.rfind(b"}", 0, begin)
        begin = max(opened, closed)
        depth += 1 if closed > opened else -1
        if begin < 0 or depth == 0:
            return begin
    return -1


def in_python(data: bytes) -> Iterator[Read]:
    """Places and names that Python reads: `os.environ["X"]`, `os.environ.get("X")`, `os.getenv("X")`."""
    for word in (b"environ", b"getenv"):
        for place in _places_of(data, word):
            found = _PYTHON.match(data, place + len(word))
            if found and not _is_comment(data, place, (b"#",)):
                yield place, found["key"].decode()


def assignments(data: bytes) -> Iterator[tuple[int, str, str]]:
    """Places, names and values of lines like `KEY=value`."""
    for found in itertools.islice(_LINE.finditer(data), MOST):
        value = next((part for part in found.groups()[1:] if part is not None), b"")
        yield found.start(1), found[1].decode(), value.decode(errors="replace")


def key_before(data: bytes, place: int) -> str:
    """The name that the value at this place is given to, if any."""
    line = data.rfind(b"\n", max(0, place - 200), place) + 1
    found = _KEY_BEFORE.search(data[max(line, place - 200) : place])
    return found[1].decode() if found else ""


def is_public(name: str) -> bool:
    """Whether a name says that a build writes the value into what visitors get."""
    return name.startswith(PUBLIC_PREFIXES)


def _places_of(data: bytes, word: bytes) -> Iterator[int]:
    place = data.find(word)
    for _number in range(MOST):
        if place < 0:
            return
        yield place
        place = data.find(word, place + len(word))


def _is_comment(data: bytes, place: int, marks: tuple[bytes, ...]) -> bool:
    """Whether the line begins as a comment does. A very long one is none."""
    begin = data.rfind(b"\n", max(0, place - 400), place)
    return (begin >= 0 or place < 400) and data[begin + 1 : place].lstrip().startswith(marks)
