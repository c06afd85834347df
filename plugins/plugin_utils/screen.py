# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Text on a screen: styled lines, cut and wrapped to a width, and the box that shows a failure. Pure.
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.onehost.release.plugins.module_utils.release.util.printable import clean

LABEL = 7


@dataclass(frozen=True)
class Line:
    """One line of output. `style` is ok, changed, error, warning, dim, heading or nothing."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Marks:
    """Symbols that the terminal can show."""

    done: str
    failed: str
    changed: str
    same: str
    wheel: str
    more: str
    corner: str
    side: str
    rule: str
    end: str


UNICODE = Marks("✓", "✗", "~", "=", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "…", "┌", "│", "─", "└")
ASCII = Marks("+", "x", "~", "=", "|/-\\", "..", "+", "|", "-", "+")


def marks_for(encoding: str | None) -> Marks:
    """The Unicode symbols if the encoding can write them, else ASCII."""
    try:
        "".join((UNICODE.done, UNICODE.wheel, UNICODE.corner)).encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return ASCII
    return UNICODE


def width_of(text: str) -> int:
    """How many columns a text takes; East Asian wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def cut(text: str, width: int, more: str) -> str:
    """As much of a text as fits into this many columns."""
    if width_of(text) <= width:
        return text
    while text and width_of(text) > width - width_of(more):
        text = text[:-1]
    return text + more


def with_time(text: str, seconds: str, width: int, more: str) -> str:
    """A text with a time at the right edge, on wide screens at a distance that the eye can follow."""
    room = max(10, min(width, 90) - width_of(seconds) - 2)
    text = cut(text, room, more)
    return text + " " * (room - width_of(text)) + "  " + seconds


def duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


@dataclass(frozen=True)
class Part:
    """A part of a failure: its label and lines. A command to type is never wrapped, so that it can be copied."""

    label: str
    lines: Sequence[str]
    as_it_is: bool = False


def box(title: str, parts: Iterable[Part], width: int, marks: Marks) -> list[Line]:
    """A failure, open on the right, so that selecting it with the mouse copies only the text."""
    width = max(40, min(width, 110))
    head = f"{marks.corner}{marks.rule} {cut(clean(title), width - 6, marks.more)} "
    found = [Line(head + marks.rule * max(0, width - width_of(head)), "error")]
    for part in parts:
        label = part.label
        for text in part.lines:
            room = width - LABEL - 3
            wrapped = [text] if part.as_it_is else textwrap.wrap(text, room, break_on_hyphens=False) or [""]
            for piece in wrapped:
                found.append(
                    Line(f"{marks.side} {label:<{LABEL}} {piece}".rstrip(), "error" if label == "What:" else "")
                )
                label = ""
    found.append(Line(marks.end + marks.rule * (width - 1), "error"))
    return found
