# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of others (people, apps, commits, programs) without anything that acts on a terminal or forges a line.

Whoever prints, stores or sends a text cleans each field of it, so that the only line breaks are those made here.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from ..errors import Problem, RefusedError

T = TypeVar("T")

#: Of a line that others have written, in characters.
LONGEST_LINE = 2000
#: What a byte that is no text is decoded to.
REPLACED = "\ufffd"
#: Of what a program says of its failure, in characters.
LONGEST_CAUSE = 500

#: Whole control sequences: colours, titles, cursor moves, and strings for the terminal up to their end.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?|"
    r"\x1b[ -/]*[0-~]"
)


def clean(text: object) -> str:
    """A text as one line of printable characters. What only separates words becomes a space; what is invisible, such
    as a change of writing direction, is dropped."""
    found = str(text)
    if found.isprintable():
        return found
    plain = _ESCAPES.sub("", found).expandtabs(4)
    return "".join(c if c.isprintable() else " " if c.isspace() else "" for c in plain)


def shortened(text: str) -> str:
    """A text of others, cut to what a person reads: an app may log its whole database on one line."""
    left_out = len(text) - LONGEST_LINE
    return text if left_out <= 0 else f"{text[:LONGEST_LINE]}… ({left_out} more characters)"


def cause(said: str) -> str:
    """What a program said of its failure, on one line. Of much the end is kept, where the error is. Some programs print
    the file that they could not read: then all up to its first piece that is no text."""
    line = " ".join(said.split())
    text = next((n for n, c in enumerate(line) if c == REPLACED or not c.isprintable()), None)
    return line[-LONGEST_CAUSE:] if text is None else f"{line[:text][:LONGEST_CAUSE]}…"


def clean_block(text: str) -> str:
    """The same for a text of several lines, whose line breaks and tabs it keeps."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(clean(part) for part in line.split("\t")) for line in lines)


def cleaned_blocks(value: T) -> T:
    """Data whose texts have several lines, such as the two sides of a diff."""
    return cast(T, _cleaned(value, clean_block))


def cleaned(value: T) -> T:
    """The same data with every text in it cleaned, whatever it is made of: mappings, sequences, dataclasses."""
    return cast(T, _cleaned(value, clean))


def _cleaned(value: Any, way: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return way(value)
    if isinstance(value, Mapping):
        return {_cleaned(key, way): _cleaned(item, way) for key, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item, way) for item in value]
    if isinstance(value, tuple):
        return tuple(_cleaned(item, way) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {part.name: _cleaned(getattr(value, part.name), way) for part in dataclasses.fields(value)}
        return dataclasses.replace(value, **parts)
    return value


def is_printable(text: str) -> bool:
    """Whether a text that somebody typed can be shown to others as it is: on one line, and all of it visible."""
    return text.isprintable()


def check_printable(given: Mapping[str, str]) -> None:
    """Raises RefusedError for each text, by the name of its option, that cannot be shown as it is. Whoever gives a
    reason types it on one line; anything else is meant to look like output of ours."""
    wrong = [name for name, text in given.items() if not is_printable(text)]
    if wrong:
        what, fix = "has characters that cannot be printed", "write it as plain text on one line"
        raise RefusedError(Problem(what, name, fix) for name in wrong)
