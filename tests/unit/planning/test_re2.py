# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns for RE2. Python reads most of them in the same way, so that both can be compared here."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.planning.endpoints.re2 import ForeignError, literal, translated

TEXTS = ("", "a", "ab", "aab\n", "A-b_1 9", "x.y", "é", "10:20\nok", "]", "{2}", "\x08")


def as_python(pattern: str) -> str:
    """What RE2 spells in another way: the end of the text, and a character by its number."""
    pattern = re.sub(r"\\x\{([0-9a-f]+)\}", lambda found: re.escape(chr(int(found[1], 16))), pattern)
    return pattern.replace(r"\z", r"\Z")


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("^application/json", r"^application\/json"),
        (r"^v\d+\.\d{2,3}$", r"^v\d+\.\d{2,3}\n?\z"),
        (r"\Aok\Z", r"\Aok\z"),
        ("(?i)(?P<what>ok|fine)$", r"(?i)(?:ok|fine)\n?\z"),
        ("(?m)^ok$", "(?m)^ok$"),
        ("(?i:ok)?", "(?i:ok)?"),
        ("a{,3}b{2}?c{x}", r"a{0,3}b{2}?c\{x\}"),
        (r"[]a-z\d[\]^-]", r"[\]a-z\d\[\]\^-]"),
        (r"[^\b]", r"[^\x08]"),
        (r"\x41\u00e9é", r"\x{41}\x{e9}\x{e9}"),
        ("(a{30}){30}", "(a{30}){30}"),
        ("a{600}b{600}", "a{600}b{600}"),
    ],
)
def test_translated(pattern: str, wanted: str) -> None:
    assert translated(pattern) == wanted
    for text in TEXTS:
        assert bool(re.search(pattern, text)) == bool(re.search(as_python(wanted), text)), text


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("(?=a)b", "(?=a"),
        ("(?<!a)b", "(?<!"),
        (r"(a)\1", r"\1"),
        ("(?P<a>b)(?P=a)", "(?P="),
        ("(?x) a", "(?x)"),
        ("a$b", "$ before the end"),
        ("(a$)*", "$ before the end"),
        ("(?:(?:a{40}){30})", "more than 1000 repetitions"),
        (r"\N{BULLET}", r"\N"),
    ],
)
def test_what_is_foreign(pattern: str, what: str) -> None:
    re.compile(pattern)
    with pytest.raises(ForeignError, match=re.escape(what)):
        translated(pattern)


@given(st.text())
def test_a_literal_matches_itself(text: str) -> None:
    assert re.fullmatch(as_python(literal(text)), text, re.DOTALL)


PIECES = st.sampled_from(
    [*"abz019 -_.:/^$|()[]{}*+?", r"\d", r"\.", "[^a]", "[]x]", "(?:", "(?i)", r"\Z", "{2}", "é", r"\b"]
)


# A set within a set, which some later Python may read as such.
@pytest.mark.filterwarnings("ignore::FutureWarning")
@given(st.lists(PIECES, max_size=8).map("".join), st.sampled_from(TEXTS))
def test_any_pattern_means_the_same_or_is_foreign(pattern: str, text: str) -> None:
    try:
        wanted = re.compile(pattern)
    except re.error:
        return
    try:
        found = translated(pattern)
    except ForeignError:
        return
    assert bool(wanted.search(text)) == bool(re.search(as_python(found), text)), found
