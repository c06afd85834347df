# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading how a database is tried to be restored."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.stacks import shop_with_backups

from release.errors import Problem, RefusedError
from release.stack.drill_reader import read_drills
from release.stack.drills import Check, Drills
from release.stack.reader import read_stack


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


def test_files_of_a_volume() -> None:
    found, problems = read(
        {
            "checks": [
                {"name": "uploads", "volume": "uploads"},
                {"name": "files", "volume": "uploads", "sample": 5, "sql": "SELECT path, sha256 FROM files"},
            ]
        }
    )
    wanted = (
        Check("uploads", "", volume="uploads", sample=20),
        Check("files", "SELECT path, sha256 FROM files", volume="uploads", sample=5),
    )
    assert (found, problems) == (Drills(checks=wanted), "")


def test_the_volume_is_one_of_the_stack_that_is_backed_up() -> None:
    definition = shop_with_backups()
    definition["volumes"] = {"uploads": {"user": 10001}}
    checks = [{"name": "a", "volume": "uploads"}, {"name": "b", "volume": "pictures"}]
    definition["databases"]["main"]["drill"] = {"checks": checks}
    with pytest.raises(RefusedError) as refused:
        read_stack("shop", definition)
    first, second = map(str, refused.value.problems)
    assert "databases.main.drill.checks[0].volume: volume uploads has no backup" in first
    assert "add `backup: true` to `volumes.uploads`" in first
    assert "checks[1].volume: 'pictures' is not a volume of this stack" in second and "known: uploads" in second
    definition["volumes"]["uploads"]["backup"] = True
    definition["databases"]["main"]["drill"] = {"checks": checks[:1]}
    stack = read_stack("shop", definition)
    assert read_stack("shop", stack.to_mapping(with_env=True)).databases == stack.databases, "kept as it was said"


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
        ({"checks": [{"name": "a", "volume": "up", "at_least": 1}]}, "at_least: has no effect with `volume`"),
        ({"checks": [{"name": "a", "volume": "up", "sample": 0}]}, "0 is out of range"),
        ({"checks": [{"name": "a", "sql": "x", "at_least": 1, "sample": 5}]}, "has no effect without `volume`"),
        ("often", "must be a mapping"),
    ],
)
def test_what_is_wrong_is_told(data: Any, why: str) -> None:
    assert why in read(data)[1]
