# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns as in .dockerignore. What BuildKit makes of the same is compared in tests/e2e/test_ignores.py."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.util import ignores
from release.util.ignores import Ignores, PatternError

PATHS = [
    "README.md",
    "docs/a.md",
    "docs/img/b.png",
    "src/app.py",
    "src/a/test_app.py",
    "a/b",
    "ab",
    "axb",
    "a]",
    ".env",
]


@pytest.mark.parametrize(
    ("patterns", "seen"),
    [
        ([], PATHS),
        (["*.md"], [path for path in PATHS if path != "README.md"]),
        (["**/*.md"], [path for path in PATHS if not path.endswith(".md")]),
        (["docs"], [path for path in PATHS if not path.startswith("docs")]),
        (["./docs/"], [path for path in PATHS if not path.startswith("docs")]),
        (["/docs/img/../img"], [path for path in PATHS if path != "docs/img/b.png"]),
        (["*", "!src"], ["src/app.py", "src/a/test_app.py"]),
        (["*", "!src", "src/a"], ["src/app.py"]),
        (["docs", "! docs/a.md"], [path for path in PATHS if path != "docs/img/b.png"]),
        (["**", "!**/app.py"], ["src/app.py"]),
        (["**/b*"], [path for path in PATHS if path not in ("docs/img/b.png", "a/b")]),
        (["a**b"], [path for path in PATHS if path not in ("a/b", "ab")]),
        (["**b"], [path for path in PATHS if path not in ("a/b", "ab", "axb")]),
        (["**md", "**.m?"], [path for path in PATHS if not path.endswith(".md")]),
        (["a?b"], [path for path in PATHS if path != "axb"]),
        (["a[w-z]b", "[^R]EADME.md"], [path for path in PATHS if path != "axb"]),
        ([r"a\]", r"\.en\v"], [path for path in PATHS if path not in ("a]", ".env")]),
        (["**/**/*test*.p?"], [path for path in PATHS if path != "src/a/test_app.py"]),
        (["s*/*/*_*"], [path for path in PATHS if path != "src/a/test_app.py"]),
        (["src/**"], [path for path in PATHS if not path.startswith("src/")]),
        (["/", ".", " ", "../x"], PATHS),
    ],
)
def test_what_is_seen(patterns: list[str], seen: list[str]) -> None:
    found = Ignores(patterns)
    assert [path for path in PATHS if not found.ignores(path)] == seen


def test_lines_of_a_file() -> None:
    text = "\ufeff# all\r\n*\r\n\n  !src  \n #no comment\n"
    assert ignores.lines(text) == ["*", "!src", "#no comment"]
    found = Ignores(ignores.lines(text))
    assert found and found.has_exceptions
    assert not Ignores(ignores.lines("# nothing")) and not Ignores(["a"]).has_exceptions


@pytest.mark.parametrize("pattern", ["!", "a[", "a[]b", "[!a]", "[z-a]", "[a*]", "]", "a\\"])
def test_patterns_that_cannot_be_read(pattern: str) -> None:
    with pytest.raises(PatternError):
        Ignores([pattern])


@given(st.text("ab/*?.[]\\!", max_size=12), st.text("ab/.\n", min_size=1, max_size=14))
def test_many_wildcards_mean_what_few_mean(pattern: str, path: str) -> None:
    try:
        parts = ignores._parts(pattern)
    except PatternError:
        return
    expected = re.fullmatch("".join(parts), path) is not None
    assert ignores._Steps(parts).match(path) == expected, (parts, path)


def test_a_pattern_made_to_run_for_ever() -> None:
    begun = time.monotonic()
    found = Ignores(["**/" * 40 + "x", "*a" * 40 + "b", "a*" * 40 + "!"])
    assert not found.ignores("a" * 250 + "/" + "a/" * 20 + "c")
    assert time.monotonic() - begun < 10
