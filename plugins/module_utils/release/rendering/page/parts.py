# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small components that every part of the status page uses."""

from __future__ import annotations

from .html import Markup, join, tag

#: Style and icon of each state. The word itself is always shown too.
LOOKS = {
    "live": ("good", "check"),
    "healthy": ("good", "check"),
    "succeeded": ("good", "check"),
    "failed": ("bad", "cross"),
    "interrupted": ("bad", "cross"),
    "refused": ("warn", "alert"),
    "undone": ("warn", "back"),
    "rolled back": ("warn", "back"),
    "running": ("busy", "clock"),
    "prepared": ("busy", "clock"),
    "previous": ("none", "dash"),
    "nothing to do": ("none", "dash"),
    "nothing is live": ("none", "dash"),
    "not there": ("none", "dash"),
}

#: Words shown to people for the engine's words.
WORDS = {"rolled_back": "rolled back", "nothing": "nothing to do", "absent": "not there"}

_SHAPES = {
    "check": "M3 8.5l3.2 3.2L13 5",
    "cross": "M4 4l8 8M12 4l-8 8",
    "alert": "M8 3v6M8 12.6v.2",
    "back": "M6.5 4L3 7.5 6.5 11M3 7.5h6.5a3 3 0 010 6H8",
    "clock": "M8 4.5V8l2.4 1.6M14 8A6 6 0 112 8a6 6 0 0112 0z",
    "dash": "M4 8h8",
}


def shapes() -> Markup:
    """All icons, defined once; each use refers to them."""
    symbols = [tag("symbol", tag("path", d=path), id=name, viewBox="0 0 16 16") for name, path in _SHAPES.items()]
    return tag("svg", *symbols, width=0, height=0, class_="shapes", aria_hidden="true")


def icon(name: str) -> Markup:
    return tag("svg", tag("use", href=f"#{name}"), class_="icon", aria_hidden="true")


def pill(word: str, look: str = "", shape: str = "") -> Markup:
    """A state in one word, with an icon and a colour."""
    text = WORDS.get(word, word)
    known, drawn = LOOKS.get(text, ("bad", "cross"))
    return tag("span", icon(shape or drawn), text, class_=f"pill {look or known}")


def section(title: str, *content: str, beside: str = "", look: str = "") -> Markup:
    """A card with its title, and content to the right of the title."""
    name = "".join(letter if letter.isalnum() else "-" for letter in title.lower())
    head = tag("div", tag("h2", title, id=name), beside, class_="head")
    return tag("section", head, *content, class_=look or "card", aria_labelledby=name)


def facts(pairs: list[tuple[str, str]]) -> Markup:
    """Names and values; those without a value are left out."""
    return tag("dl", *[join(tag("dt", name), tag("dd", value)) for name, value in pairs if value], class_="facts")


def note(text: str, look: str) -> Markup:
    return tag("p", text, class_=f"note {look}")


def typed(command: str) -> Markup:
    """A command to type."""
    return tag("code", command, class_="type")


def clip(text: str, most: int = 400) -> str:
    """A text cut to a length that fits the page."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
