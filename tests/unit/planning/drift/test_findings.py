# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The baseline keeps known findings quiet, no more than it says, and tells what it no longer needs to."""

from __future__ import annotations

import json

import pytest

from release.planning.drift.findings import Finding, Known, new_baseline, read_baseline, sort


def finding(name: str = "a.b.com", file: str = "x.md", count: int = 1, code: str = "unknown host") -> Finding:
    return Finding(code, file, tuple(range(1, count + 1)), name, f"https://{name}", "is unknown", "", count)


def test_what_is_known_is_quiet() -> None:
    judged = sort([finding(), finding("c.d.com")], [Known("A.B.com", "*.md", "history")])
    assert [one.name for one in judged.new] == ["c.d.com"] and len(judged.known) == 1 and judged.stale == []


def test_more_than_was_counted_is_new() -> None:
    judged = sort([finding(count=5)], [Known("a.b.com", "*", "history", 3)])
    assert [(one.count, one.lines) for one in judged.new] == [(2, (4, 5))]
    assert [one.count for one in judged.known] == [3]
    # Of two files the first use up what is counted.
    judged = sort([finding(file="a", count=2), finding(file="b", count=2)], [Known("a.b.com", "*", "history", 3)])
    assert [(one.file, one.count) for one in judged.new] == [("b", 1)]


def test_what_is_no_longer_there_is_told() -> None:
    known = [
        Known("a.b.com", "*", "history", 3),
        Known("gone.com", "*", "history"),
        Known("a.b.com", "y.md", "history"),
    ]
    assert sort([finding()], known).stale == [
        "gone.com in * is no longer there",
        "a.b.com in y.md is no longer there",
        "a.b.com in * is there 1 times, not 3",
    ]


def test_the_baseline_does_not_excuse_itself() -> None:
    assert sort([finding("x", code="baseline")], [Known("x", "*", "because")]).new


def test_a_new_one_knows_all_and_keeps_reasons() -> None:
    found = [
        finding(count=2),
        finding("c.d.com"),
        finding("KEY", "", code="unread variable"),
        finding("x", code="baseline"),
    ]
    text = new_baseline(found, [Known("a.b.com", "*.md", "history")])
    assert json.loads(text) == {
        "known": [
            {"name": "a.b.com", "file": "x.md", "count": 2, "reason": "history"},
            {"name": "c.d.com", "file": "x.md", "count": 1, "reason": ""},
            {"name": "KEY", "file": "*", "count": 1, "reason": ""},
        ]
    }
    _known, problems = read_baseline(text.encode(), "b.json")
    assert [problem.where for problem in problems] == ["b.json known[1].reason", "b.json known[2].reason"]
    known, problems = read_baseline(text.replace('"reason": ""', '"reason": "why"').encode(), "b.json")
    assert problems == [] and sort(found[:3], known).new == []


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b" " * 1_000_001, "too large"),
        (b"[]", "must be a mapping"),
        (b'{"known": {}}', "must be a list"),
        (b'{"familiar": []}', "is not a known option"),
        (b'{"known": [{"name": "x", "reason": " "}]}', "is missing"),
        (b'{"known": [{"reason": "x"}]}', "is missing"),
        (b'{"known": [{"name": "x", "reason": "x", "count": 0}]}', "out of range"),
        (b'{"known": [{"name": "x", "reason": "x", "line": 1}]}', "is not a known option"),
    ],
)
def test_a_bad_one_is_told(data: bytes, what: str) -> None:
    assert any(what in problem.what for problem in read_baseline(data, "b.json")[1])
