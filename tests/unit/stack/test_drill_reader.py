# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading how a database is tried to be restored."""

from __future__ import annotations

from typing import Any

import pytest

from release.errors import Problem
from release.stack.drill_reader import read_drills
from release.stack.drills import Check, Drills


def read(data: Any, *, backed_up: bool = True) -> tuple[Drills | None, str]:
    problems: list[Problem] = []
    found = read_drills(data, "drill", problems, backed_up=backed_up)
    return found, " | ".join(map(str, problems))


def test_a_backup_is_tried_unless_somebody_says_otherwise() -> None:
    assert read(None) == read(True) == read({}) == (Drills(), "")
    assert read(False) == (Drills(monthly=0), "")
    assert read(None, backed_up=False) == read(False, backed_up=False) == (None, "")
    assert "has no effect without `backup`" in read({}, backed_up=False)[1]


def test_everything() -> None:
    found, problems = read(
        {
            "monthly": 15,
            "rpo_minutes": 5,
            "rto_minutes": 30,
            "checks": [{"name": "posts", "sql": "SELECT count(*) FROM posts", "at_least": 1, "at_most": 10**6}],
        }
    )
    check = Check("posts", "SELECT count(*) FROM posts", 1, 10**6)
    assert (found, problems) == (Drills(15, 5, 30, (check,)), "")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"monthly": 31}, "31 is out of range"),
        ({"rpo_minutes": 0}, "0 is out of range"),
        ({"weekly": 1}, "drill.weekly: is not a known option"),
        ({"checks": [{"name": "a", "sql": "SELECT 1"}]}, "has no bound, so every answer holds"),
        ({"checks": [{"name": "a", "sql": "SELECT 1", "at_least": 2, "at_most": 1}]}, "1 is less than `at_least`, 2"),
        ({"checks": [{"sql": "SELECT 1", "at_least": 2}]}, "checks[0].name: is missing"),
        ({"checks": [{"name": "a", "at_least": 2}]}, "checks[0].sql: is missing"),
        ({"checks": [{"name": "a", "sql": "x", "at_least": "many"}]}, "is not a number"),
        ({"checks": [{"name": "a", "sql": "x", "at_least": 1}] * 2}, "several are called 'a'"),
        ("often", "must be a mapping"),
    ],
)
def test_what_is_wrong_is_told(data: Any, why: str) -> None:
    assert why in read(data)[1]
