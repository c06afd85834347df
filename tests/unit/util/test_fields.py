# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading data that people wrote: what is taken, what is told, and what stands in for it."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from release.errors import Problem
from release.util.fields import QUOTES, Fields

Read = Callable[[Fields], Any]
#: How it is read, what was written (None: nothing), what comes of it, what is told, and what fixes it.
Case = tuple[Read, Any, Any, str, str]


def text(**more: Any) -> Read:
    return lambda fields: fields.text("key", "default", **more)


def integer(**more: Any) -> Read:
    return lambda fields: fields.integer("key", 5, 1, 9, **more)


def number(fields: Fields) -> float:
    return fields.number("key", 5, 1, 9.5)


def boolean(fields: Fields) -> bool:
    return fields.boolean("key", True)


def choice(fields: Fields) -> str:
    return fields.choice("key", "a", ("a", "b"))


CASES: list[Case] = [
    (text(), None, "default", "", ""),
    (text(), "x", "x", "", ""),
    (text(), 3, "default", "must be text, and YAML reads this as a number", QUOTES),
    (text(), 1.10, "default", "must be text, and YAML reads this as a number", QUOTES),
    (text(numbers=True), 3, "3", "", ""),
    (text(numbers=True), 1.5, "1.5", "", ""),
    (text(numbers=True), True, "default", "must be text, and YAML reads this as true or false", QUOTES),
    (text(), True, "default", "must be text, and YAML reads this as true or false", QUOTES),
    (text(), datetime.date(2026, 1, 2), "default", "must be text, not date", QUOTES),
    (text(), ["x"], "default", "must be text, not list", ""),
    (text(pattern="[ab]+"), "abba", "abba", "", ""),
    (text(pattern="[ab]+"), "", "", "", ""),
    (text(pattern="[ab]+"), "abc", "abc", "'abc' is not valid", "must match [ab]+"),
    (text(pattern="[ab]+", hint="only a and b"), "abc", "abc", "'abc' is not valid", "only a and b"),
    (text(required=True), "", "", "is missing", "set `key`"),
    (text(required=True, hint="say it"), "", "", "is missing", "say it"),
    (integer(), None, 5, "", ""),
    (integer(required=True), None, 5, "is missing", "set `key` to a whole number from 1 to 9"),
    (integer(), 1, 1, "", ""),
    (integer(), 9, 9, "", ""),
    (integer(), "7", 7, "", ""),
    (integer(), 0, 0, "0 is out of range", "choose 1 to 9"),
    (integer(), "-3", -3, "-3 is out of range", "choose 1 to 9"),
    (integer(), 10, 10, "10 is out of range", "choose 1 to 9"),
    (integer(), True, 5, "must be a whole number, not True", ""),
    (integer(), 1.5, 5, "must be a whole number, not 1.5", ""),
    (integer(), "1234567890", 5, "must be a whole number, not '1234567890'", ""),
    (number, None, 5.0, "", ""),
    (number, 1, 1.0, "", ""),
    (number, "9.5", 9.5, "", ""),
    (number, 9.6, 5, "9.6 is not a number from 1 to 9.5", ""),
    (number, True, 5, "True is not a number from 1 to 9.5", ""),
    (number, "many", 5, "'many' is not a number from 1 to 9.5", ""),
    (number, [], 5, "[] is not a number from 1 to 9.5", ""),
    (number, 10**400, 5, f"{10**400!r} is not a number from 1 to 9.5", ""),
    (boolean, None, True, "", ""),
    (boolean, False, False, "", ""),
    (boolean, "True", True, "", ""),
    (boolean, "FALSE", False, "", ""),
    (boolean, "yes", True, "", ""),
    (boolean, "no", False, "", ""),
    (boolean, "off", True, "must be true or false, not 'off'", ""),
    (boolean, 0, True, "must be true or false, not 0", ""),
    (choice, None, "a", "", ""),
    (choice, "b", "b", "", ""),
    (choice, "c", "a", "'c' is not known", "choose one of a, b"),
    (choice, False, "a", "False is not known", "choose one of a, b"),
    (lambda f: f.texts("key"), None, (), "", ""),
    (lambda f: f.texts("key"), ["a", "b"], ("a", "b"), "", ""),
    (lambda f: f.texts("key"), "ab", (), "must be a list of texts", ""),
    (lambda f: f.texts("key"), ["a", 1], (), "must be a list of texts", QUOTES),
    (lambda f: f.texts("key"), ["a", ["b"]], (), "must be a list of texts", ""),
    (lambda f: f.texts("key"), {"a": 1}, (), "must be a list of texts", ""),
    (lambda f: f.items("key"), None, [], "", ""),
    (lambda f: f.items("key"), (1, "a"), [1, "a"], "", ""),
    (lambda f: f.items("key"), "ab", [], "must be a list", ""),
    (lambda f: f.items("key"), {"a": 1}, [], "must be a list", ""),
    (lambda f: f.items("key"), 3, [], "must be a list", ""),
    (lambda f: f.mapping("key"), None, {}, "", ""),
    (lambda f: f.mapping("key"), {"a": None}, {"a": None}, "", ""),
    (lambda f: f.mapping("key"), ["a"], {}, "must be a mapping, not list", ""),
    (
        lambda f: f.mapping("key"),
        {True: 1},
        {"True": 1},
        "has the name True, which YAML does not read as text",
        "write it in quotes",
    ),
]


@pytest.mark.parametrize(("read", "written", "found", "what", "fix"), CASES)
def test_what_comes_of_what_was_written(read: Read, written: Any, found: Any, what: str, fix: str) -> None:
    problems: list[Problem] = []
    fields = Fields({} if written is None else {"key": written}, "stack shop", problems)
    value = read(fields)
    assert (value, type(value)) == (found, type(found))
    assert problems == ([Problem(what, "stack shop.key", fix)] if what else [])


def test_values_are_texts_to_the_last_character() -> None:
    """What a person wrote cannot be seen any more in what YAML made of it: 0755, 12:30:45, 0x1F, 1_000, no, 1.10."""
    written = yaml.safe_load(
        "{A: x, B: 12:30:45, C: 0755, D: 1.10, E: no, F: 0101234567, G: 0x1F, H: 1_000, I: 8080, J: 2026-01-02,"
        " K: , L: []}"
    )
    problems: list[Problem] = []
    assert Fields({"env": {"A": written.pop("A")}}, "shop", problems).values("env") == {"A": "x"} and not problems
    assert Fields({"env": written}, "shop", problems).values("env") == {}
    assert [(p.where, p.fix) for p in problems] == [
        *((f"shop.env.{name}", QUOTES) for name in "BCDEFGHIJ"),
        ("shop.env.K", 'write "" for an empty text'),
        ("shop.env.L", ""),
    ]
    assert problems[0].what == "must be text, and YAML reads this as a number"
    assert problems[3].what == "must be text, and YAML reads this as true or false"


def test_what_nobody_asked_for_is_told() -> None:
    problems: list[Problem] = []
    fields = Fields({"port": 1, "prot": 2, 3: 4}, "shop", problems)
    fields.integer("port", 0, 0, 9)
    fields.text("host")
    fields.no_others()
    known = "remove it, or choose one of: host, port"
    assert problems == [
        Problem("is not a known option", "shop.prot", known),
        Problem("is not a known option", "shop.3", known),
    ]


def test_data_of_another_kind() -> None:
    problems: list[Problem] = []
    fields = Fields(["x"], "shop", problems)
    assert fields.text("a", "b") == "b"
    assert problems == [Problem("must be a mapping, not list", "shop", "")]
