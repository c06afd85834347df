# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats of log files; each is decoded from what Docker 26 wrote."""

from __future__ import annotations

import pytest
from fakes.log_files import RECORD
from hypothesis import given
from hypothesis import strategies as st

from release.releases.log_formats import FORMATS, LONGEST, DamagedError, Joiner, Piece, nanoseconds, timestamp
from release.releases.logs import Line

AT = 1_764_182_640_123_456_789


@pytest.mark.parametrize("driver", FORMATS)
@given(texts=st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))), cut=st.integers(0))
def test_lines_come_out_as_they_went_in(driver: str, texts: list[str], cut: int) -> None:
    lines = [text.encode() for text in texts]
    data = b"".join(RECORD[driver](AT + index, line, "stderr") for index, line in enumerate(lines))
    cut %= len(data) + 1
    pieces, taken = FORMATS[driver](data[:cut])
    more, rest = FORMATS[driver](data[taken:])
    assert [*pieces, *more] == [Piece(AT + index, "stderr", line, False) for index, line in enumerate(lines)]
    assert taken + rest == len(data)


def test_any_bytes() -> None:
    assert FORMATS["local"](RECORD["local"](AT, b"\xff\0\x1b[2J"))[0] == [Piece(AT, "stdout", b"\xff\0\x1b[2J", False)]


@pytest.mark.parametrize("driver", FORMATS)
def test_pieces_are_joined_for_each_stream(driver: str) -> None:
    make = RECORD[driver]
    data = make(1, b"a" * 9, goes_on=True) + make(2, b"mine", "stderr") + make(1, b"b", goes_on=True)
    pieces, _ = FORMATS[driver](data + make(1, b"c", last=True) + make(3, b"d", goes_on=True))
    joiner = Joiner()
    assert joiner.join(pieces) == [Line(2, "stderr", b"mine"), Line(1, "stdout", b"aaaaaaaaabc")]
    assert joiner.rest() == [Line(3, "stdout", b"d", whole=False)]
    assert joiner.rest() == []


def test_an_endless_line_comes_in_parts() -> None:
    pieces = [Piece(1, "stdout", b"x" * 16384, True)] * 100
    lines = Joiner().join(pieces)
    assert [(len(line.text), line.whole) for line in lines] == [(LONGEST, False)]


@pytest.mark.parametrize(
    ("driver", "data"),
    [
        ("local", b"\xff\xff\xff\xff"),
        ("local", b"\0\0\0\1\x0a\0\0\0\2"),
        ("local", b"\0\0\0\2\x0a\x7f\0\0\0\2"),
        ("local", b"\0\0\0\1\x0d\0\0\0\1"),
        ("local", b"\0\0\0\2\x10\xff\0\0\0\2"),
        ("json-file", b"nothing\n"),
        ("json-file", b"{}\n"),
        ("json-file", b"[]\n"),
        ("json-file", b'{"log": "a", "time": "yesterday"}\n'),
        ("json-file", b"x" * (9 << 20)),
    ],
)
def test_damaged(driver: str, data: bytes) -> None:
    with pytest.raises(DamagedError):
        FORMATS[driver](data)


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_times(at: int) -> None:
    assert nanoseconds(timestamp(at)) == at


def test_times_that_docker_shortens() -> None:
    assert nanoseconds("1970-01-01T00:00:01.5Z") == 1_500_000_000
    assert nanoseconds("1970-01-01T00:00:01Z") == 1_000_000_000
    assert timestamp(1_500_000_000, 3) == "1970-01-01T00:00:01.500Z"
