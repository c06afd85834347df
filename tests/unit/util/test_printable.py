# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing that others wrote acts on a terminal, or looks like a line of ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.errors import RefusedError
from release.util.printable import LONGEST_CAUSE, cause, check_printable, clean, clean_block, cleaned, cleaned_blocks

#: A title, colours, an erased line, C1 codes, a change of direction, forged lines, half a character.
EVIL = (
    "a\x1b]0;owned\x07\x1b[31mb\x1b[0m\x1b[2K\x9b1mc\x90q\x9cd\u202e\u2066e\r\nproblem: forged\u2028f\x85g\x7f\ud800\0"
)
TEXTS = st.one_of(st.text(), st.text(alphabet="\x1b[]0;?m\x07\x9b\x9d\\\r\n\t \u202eab", max_size=30))


def test_what_remains_of_a_hostile_text() -> None:
    assert clean(EVIL) == "abcde  problem: forged f g"
    assert clean("two\twords, Grüße, 日本語 ✓") == "two words, Grüße, 日本語 ✓"
    assert clean("\x1b]8;;http://evil.example\x1b\\a link\x1b]8;;\x1b\\") == "a link"
    assert clean("cut off: \x1b]0;title") == "cut off: "


@given(TEXTS)
def test_one_line_of_printable_characters(text: str) -> None:
    found = clean(text)
    assert found.isprintable() and clean(found) == found
    assert not text.isprintable() or found == text


@given(TEXTS)
def test_a_block_keeps_its_lines(text: str) -> None:
    found = clean_block(text)
    assert found.replace("\n", "").replace("\t", "").isprintable()
    assert found.count("\n") == text.replace("\r\n", "\n").count("\n")


def test_a_block_keeps_tabs() -> None:
    assert clean_block("a\tb\r\n\x1b[1mc\n") == "a\tb\nc\n"
    assert cleaned_blocks([{"before": "a\n\x1b[1mb\n"}]) == [{"before": "a\nb\n"}]


def test_data_of_any_shape() -> None:
    assert cleaned({"a\n": ["\x1b[1mb", ("c\r", 1, None, 2.5)]}) == {"a ": ["b", ("c ", 1, None, 2.5)]}


def test_what_cannot_be_printed_is_refused_without_being_shown() -> None:
    check_printable({"reason": "Grüße: approved by QA ✓", "person": ""})
    with pytest.raises(RefusedError) as caught:
        check_printable({"reason": EVIL, "version": "main", "person": "ann\n"})
    assert [problem.where for problem in caught.value.problems] == ["reason", "person"]
    assert str(caught.value).isprintable() and "owned" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("", ""),
        ("psql: error: no such file\n  or directory\n", "psql: error: no such file or directory"),
        (f"{'a step ' * 200}ERROR: the last line", f"{'a step ' * 200}ERROR: the last line"[-LONGEST_CAUSE:]),
        ("ERROR: no manifest: \ufffdP\x02 7 and what else the file had", "ERROR: no manifest: …"),
        ("ERROR: cannot read é\n\x1b[31mfile", "ERROR: cannot read é …"),
        (f"{'long ' * 200}\0", f"{'long ' * 100}…"),
    ],
)
def test_what_a_program_says_of_its_failure(said: str, shown: str) -> None:
    assert cause(said) == shown
