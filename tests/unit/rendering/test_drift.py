# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift as people and programs read it: what others wrote acts on no terminal and forges no line."""

from __future__ import annotations

import json

from release.planning.drift.findings import Finding, Known
from release.planning.drift.report import DriftReport
from release.rendering import drift

FOUND = Finding("dead host", "a.md", (3, 9), "a.b.com", "https://a.b.com/x", "is dead: gone", "use https://c", 5)
OTHER = Finding("unread variable", "", (), "KEY", "KEY", "is in the matrix")


def report(*new: Finding, known: tuple[Finding, ...] = (), stale: tuple[str, ...] = ()) -> DriftReport:
    return DriftReport(
        "shop", "1" * 40, "main", 12, 0.5, list(new), list(known), list(stale), [Known("KEY", "*", "why")]
    )


def test_lines() -> None:
    assert drift.lines(report(FOUND, OTHER, known=(OTHER,), stale=("x in * is no longer there",))) == [
        "shop at 111111111111: 2 new findings (1 errors), 1 known; 12 files in 0.5 s",
        "   kind             place       what stands there",
        "   dead host        a.md:3      https://a.b.com/x",
        "   unread variable  the matrix  KEY",
        "a.md:3: https://a.b.com/x is dead: gone (also in line 9 and 3 more). Fix: use https://c",
        "the matrix: KEY is in the matrix.",
        "baseline: x in * is no longer there",
    ]
    assert drift.lines(report()) == ["shop at 111111111111: nothing new, 0 known; 12 files in 0.5 s"]


def test_what_others_wrote_is_harmless() -> None:
    nasty = Finding(
        "unknown host", "a\x1b[31m\n.md\udcff", (1,), "a\u202e.com", "https://a\x07.com" + "x" * 900, "is\r", "\x9b"
    )
    texts = [
        *drift.lines(report(nasty)),
        json.dumps(drift.document(report(nasty))),
        drift.baseline(report(nasty)).replace("\n", ""),
    ]
    assert all(text.isprintable() for text in texts)
    assert max(map(len, drift.lines(report(nasty)))) < 300


def test_document() -> None:
    data = json.loads(json.dumps(drift.document(report(FOUND, known=(OTHER,)))))
    assert data["ok"] is False and data["findings"][0]["lines"] == [3, 9] and data["findings"][0]["error"] is True
    assert data["known"][0]["code"] == "unread variable" and data["commit"] == "1" * 40
    assert drift.document(report())["ok"] is True


def test_a_baseline_of_all() -> None:
    known = json.loads(drift.baseline(report(FOUND, known=(OTHER,))))["known"]
    assert [(row["name"], row["count"], row["reason"]) for row in known] == [("a.b.com", 5, ""), ("KEY", 1, "why")]
