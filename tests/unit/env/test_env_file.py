# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Env files: what goes in comes out, byte for byte, or is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.env.env_file import as_recorded, fingerprint, format_env, is_same_content, parse_env, problem_of
from release.errors import RefusedError

KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True)
#: Rich in what readers of such files stumble over.
VALUES = st.one_of(
    st.text(alphabet=st.sampled_from("ab$'\"\\# =\n{}!`\t;é"), max_size=12),
    st.text(st.characters(blacklist_categories=["Cs"]), max_size=20),
).filter(lambda value: not problem_of(value))


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_there_and_back(values: dict[str, str]) -> None:
    assert parse_env(format_env(values)) == values


@pytest.mark.parametrize(
    "value",
    [
        "",
        "plain",
        "pa$$word",
        "${HOME}",
        "a b",
        "a # b",
        "it's",
        "''",
        '"quoted"',
        "line\nline",
        "\\n",
        "tab\t",
        "=",
        "'",
    ],
)
def test_values_that_others_cut_in_half(value: str) -> None:
    assert parse_env(format_env({"KEY": value, "NEXT": "1"})) == {"KEY": value, "NEXT": "1"}


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a\x00b", "NUL"),
        ("ends\\", "backslash"),
        ("a\\'b", "backslash"),
        ('a\\"b', "backslash"),
        ("a\r\nb", "carriage return"),
        ("a\ud83d", "half a character"),
    ],
)
def test_refused_without_showing_the_value(value: str, why: str) -> None:
    with pytest.raises(RefusedError) as caught:
        format_env({"GOOD": "x", "TOKEN": value, "OTHER": value}, "config/.env.common")
    text = str(caught.value)
    assert why in text and "TOKEN" in text and "OTHER" in text and "config/.env.common" in text
    assert value not in text


def test_files_written_by_hand() -> None:
    text = "# comment\nexport A=1 # one\n B = two words \nC=\"quoted\"\nD='x'\nnonsense\n\nE=\nF=it's\n"
    assert parse_env(text) == {"A": "1", "B": "two words", "C": "quoted", "D": "x", "E": "", "F": "it's"}


@pytest.mark.parametrize(
    ("raw", "value"), [('""', ""), ("''", ""), ('"', '"'), ('"a', '"a'), ("a'", "a'"), ("x #y", "x"), ("x#y", "x#y")]
)
def test_quotes_written_by_hand(raw: str, value: str) -> None:
    assert parse_env(f"A={raw}\n") == {"A": value}


def test_bytes_that_are_no_text_can_be_looked_at() -> None:
    assert parse_env(b"A='\xff'\nB=2\n") == {"A": "\ufffd", "B": "2"}


def test_sorted_so_that_a_second_run_changes_nothing() -> None:
    assert format_env({"B": "1", "A": "2"}) == format_env({"A": "2", "B": "1"})


def test_fingerprint() -> None:
    assert fingerprint("a") == fingerprint(b"a") != fingerprint("b")
    assert len(fingerprint("a")) == 64, "two contents with one fingerprint cannot be made"


def test_a_fingerprint_of_an_earlier_engine() -> None:
    new, earlier = fingerprint("a"), fingerprint("a")[:16]
    assert as_recorded(earlier, new) == earlier and as_recorded("", new) == new
    assert as_recorded(new[:15], new) == new and as_recorded(fingerprint("b")[:16], new) == new
    for one, other in ((new, new), (earlier, new), (new, earlier), (earlier, earlier), ("", "")):
        assert is_same_content(one, other)
    for one, other in ((new, fingerprint("b")), (earlier, fingerprint("b")), ("", new), (new[:12], new)):
        assert not is_same_content(one, other)
