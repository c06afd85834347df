# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hand has left in an env file."""

from __future__ import annotations

import pytest

from release.planning import config_findings

STRANGE = [
    ("A=1\n", []),
    ("# note\n\nA='x y'\nB='it\\'s'\n", []),
    ("A='first\nsecond'\nB=2\n", []),
    ("A=one two\n", ["A"]),
    ("A=pass$word\n", ["A"]),
    ('A="x"\n', ["A"]),
    ("export A=1\n", ["A"]),
    ("hunter2\n", ["line 1"]),
    ("A=1\nA=2\n", ["A"]),
    ("B=1\nA='open\nC=3\n", ["A"]),
    ("A=1\r\n", ["A"]),
]


@pytest.mark.parametrize(("text", "names"), STRANGE)
def test_what_a_hand_has_left_in_a_file(text: str, names: list[str]) -> None:
    _, found = config_findings.read_layers({"common": text.encode()})
    assert [f.key for f in found] == names
    assert not any(word in f.what for f in found for word in ("hunter2", "pass$word", "open"))


def test_a_file_that_is_not_text() -> None:
    _, found = config_findings.read_layers({"staging": b"A=1\nB=\xff\n"})
    assert [f.key for f in found] == ["line 2", "B"]
