# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a copy are as they have to be."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from release.planning import drill_files
from release.planning.drill_files import Row
from release.releases.copied import Copied, Present

SUM, OTHER = "ab" * 32, "cd" * 32
BEGUN = 1000.0
OLD, NEW = 900.0, 1100.0


def test_a_sample_is_drawn_with_the_same_chance_for_each() -> None:
    assert drill_files.drawn(iter("abc"), 20, random.Random(1)) == (["a", "b", "c"], 3)
    assert drill_files.drawn(iter(()), 20, random.Random(1)) == ([], 0)
    chance, count = random.Random(7), Counter[str]()
    for _ in range(2000):
        found, total = drill_files.drawn(iter("abcdefghij"), 3, chance)
        assert len(set(found)) == 3 and total == 10
        count.update(found)
    assert all(500 < count[letter] < 700 for letter in "abcdefghij"), count


def test_what_the_database_is_asked() -> None:
    asked = drill_files.question("SELECT path, sha256 FROM files -- all of them;\n;", 20)
    assert "FROM (\nSELECT path, sha256 FROM files -- all of them;\n\n) AS given (path, sha256)" in asked
    assert "ORDER BY random() LIMIT 20" in asked


def test_what_it_answers() -> None:
    answer = json.dumps(
        [["a/b.txt", SUM.upper()], ["/c", f"\\x{SUM}"], ["d", "abc"], ["../e", SUM], [None, SUM], ["f", None]]
    )
    rows, problems = drill_files.rows(answer)
    assert rows == [Row("a/b.txt", SUM), Row("c", SUM)]
    assert problems == [
        "d: 'abc' is no SHA-256",
        "'../e' is no path within the volume",
        "None is no path of a file",
        "f: None is no SHA-256",
    ]
    assert drill_files.rows("[]") == ([], [])


@pytest.mark.parametrize(
    ("copied", "now", "word", "problem"),
    [
        (SUM, None, "same", ""),
        (OTHER, None, None, "a: is not what the database says"),
        (OTHER, Present(SUM, OLD), None, "a: is not what the database says"),
        (OTHER, Present(SUM, NEW), "newer", ""),
        (None, Present(SUM, NEW), "newer", ""),
        (None, Present(SUM, BEGUN - 0.5), "newer", ""),
        (None, Present(SUM, OLD), None, "a: the database knows it, and it is not in the copy; it is in the volume"),
        (None, None, None, "a: the database knows it, and it is not in the copy; it is nowhere else either"),
    ],
)
def test_as_the_database_says(copied: str | None, now: Present | None, word: str | None, problem: str) -> None:
    assert drill_files.of_database(Row("a", SUM), copied, now, BEGUN) == (word, problem)


@pytest.mark.parametrize(
    ("now", "word", "problem"),
    [
        (None, "read", ""),
        (Present(SUM, OLD), "same", ""),
        (Present(OTHER, NEW), "newer", ""),
        (Present(OTHER, OLD), None, "a: is not what is in the volume"),
    ],
)
def test_as_in_the_volume(now: Present | None, word: str | None, problem: str) -> None:
    assert drill_files.of_volume("a", SUM, now, BEGUN) == (word, problem)


def test_how_it_is_told() -> None:
    assert drill_files.sentence(["same", "same", "newer"], "in the volume", 40) == (
        "3 of 40 files: 2 as in the volume, 1 newer than the copy"
    )
    assert drill_files.sentence(["same"], "the database says", None) == "1 files: 1 as the database says"
    assert drill_files.sentence([], "in the volume", 0) == "0 of 0 files"
    assert drill_files.trouble([]) == "" and drill_files.trouble(list("abcde")) == "a; b; c and 2 more"


def test_the_newest_copy() -> None:
    copies = [Copied("b", 2.0, "/v"), Copied("c", 3.0, "/v"), Copied("a", 1.0, "/v")]
    assert drill_files.newest(copies) == copies[1] and drill_files.newest([]) is None
