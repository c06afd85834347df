# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found of endpoints, for people, programs and CI systems."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from release.releases.endpoints import EnvironmentVerdicts, Miss, Verdict
from release.rendering import endpoints

BAD = Miss("stack shop.endpoints[1].expect.status", "status 200", 'status 500 \x1b[31m<b>&"\x00 and more\nFix: rm -r /')
FOUND = [
    EnvironmentVerdicts(
        "shop",
        "production",
        "r1",
        [
            Verdict("health", "", "GET http://shop.example/health", seconds=0.0123),
            Verdict("session", "log in", "POST http://shop.example/login", (BAD, BAD), 1.5),
        ],
        ["a note"],
    ),
    EnvironmentVerdicts("shop", "staging", notes=["nothing is live"]),
]


def test_lines() -> None:
    lines = endpoints.lines(FOUND)
    assert lines[0] == "shop production (r1): 1 of 2 endpoint checks do not hold"
    assert lines[1] == "   a note" and lines[-1] == "   nothing is live"
    assert any(line.split() == ["health", "GET", "http://shop.example/health", "holds", "12"] for line in lines)
    assert "   written  stack shop.endpoints[1].expect.status" in lines
    assert all(line.isprintable() for line in lines), "nothing that came acts on a terminal, or forges a line"


def test_document() -> None:
    document = endpoints.document(FOUND)
    assert document["holds"] is False
    assert [check["holds"] for check in document["environments"][0]["checks"]] == [True, False]
    assert document["environments"][0]["checks"][1]["misses"][0]["where"] == BAD.where


def test_junit() -> None:
    suites = ET.fromstring(endpoints.junit(FOUND))
    assert [(suite.get("tests"), suite.get("failures")) for suite in suites] == [("2", "1"), ("0", "0")]
    failure = suites[0][1][0]
    assert (
        "expected status 200, came status 500" in str(failure.get("message")) and suites[0][0].get("name") == "health"
    )
