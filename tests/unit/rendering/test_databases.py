# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How databases are told of, for people."""

from __future__ import annotations

import dataclasses

import pytest

from release.releases.databases import DatabaseStatus
from release.rendering.databases import lines, size


def test_nothing_is_said_where_there_is_none() -> None:
    assert lines("staging", {}) == []


def test_one_line_for_all_and_one_for_each_that_is_silent() -> None:
    found = {
        "main": DatabaseStatus("postgresql", True, "17.12", 812_000_000, 14, 40),
        "old": DatabaseStatus("postgresql", cause="connection refused"),
        "lite": DatabaseStatus("sqlite"),
    }
    first, second = lines("production", found)
    assert first == (
        "databases of production: main (PostgreSQL 17.12, 812 MB, 14 of 40 connections), old (DOES NOT ANSWER), "
        "lite (SQLite, in a volume)"
    )
    assert second.startswith("   production old: does not answer: connection refused. Fix: ")


def test_a_full_disk_is_told_with_what_to_do() -> None:
    well = DatabaseStatus("postgresql", True, "17.12", 812_000_000, 14, 40, place="/data/17/main", free_bytes=2_000_000)
    first, second = lines("production", {"main": well})
    assert first.endswith("main (PostgreSQL 17.12, 812 MB, 14 of 40 connections, DISK FULL)")
    assert second.startswith(
        "   production main: its disk is full: 2 MB are free in /data/17/main. Fix: make room there"
    )
    assert len(lines("production", {"main": dataclasses.replace(well, free_bytes=200_000_000)})) == 1


@pytest.mark.parametrize(("number", "text"), [(8_100_000, "8 MB"), (1_250_000_000, "1.2 GB"), (0, "0 MB")])
def test_sizes(number: int, text: str) -> None:
    assert size(number) == text
