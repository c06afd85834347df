# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a version means."""

from __future__ import annotations

import pytest

from release.planning.deploy import choose, names_of

A, B = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("main", ("refs/heads/main", "refs/tags/main")),
        ("release/2.0", ("refs/heads/release/2.0", "refs/tags/release/2.0")),
        ("refs/tags/v2", ("refs/tags/v2",)),
        ("refs/heads/v2", ("refs/heads/v2",)),
        ("abcdef0", ("refs/heads/abcdef0", "refs/tags/abcdef0", "abcdef0")),
        ("abcdef", ("refs/heads/abcdef", "refs/tags/abcdef")),
        (A, (A,)),
    ],
)
def test_names(version: str, names: tuple[str, ...]) -> None:
    assert names_of(version) == names


def test_one_commit() -> None:
    assert choose("v2", {"refs/tags/v2": A}) == (A, None)
    assert choose("v2", {"refs/tags/v2": A, "refs/heads/v2": A}) == (A, None), "both mean the same"


def test_no_commit() -> None:
    _commit, problem = choose("v9", {})
    assert problem and "'v9' is not a branch, tag or commit" in problem.what


def test_two_commits() -> None:
    """Whichever was chosen silently, it would be the wrong one for somebody."""
    commit, problem = choose("v2", {"refs/heads/v2": A, "refs/tags/v2": B})
    assert not commit and problem
    assert problem.what == "version 'v2' is ambiguous: refs/heads/v2 (aaaaaaaaaaaa), refs/tags/v2 (bbbbbbbbbbbb)"
    assert "refs/tags/v2" in problem.fix
