# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What drills say of backups, before somebody relies on them."""

from __future__ import annotations

import dataclasses

from release.planning.drills import opinion
from release.releases.drills import Drill, Finding
from release.stack.drills import Check, Drills

DAY = 86_400.0
NOW = 100 * DAY
WANTED = Drills()
GOOD = Drill("production", "main", NOW - DAY, lost_seconds=30, recovery_seconds=60, rpo_seconds=900, rto_seconds=3600)


def word(*known: Drill, wanted: Drills | None = WANTED, first: float | None = NOW - 5 * DAY) -> str:
    found = opinion("main", wanted, known, NOW, first)
    return f"{found.word}: {found.evidence}" if found else "nothing"


def test_of_what_is_not_backed_up_nothing_is_said() -> None:
    assert word(wanted=None) == word(first=None) == word(wanted=Drills(monthly=0)) == "nothing"


def test_a_backup_that_was_never_restored_is_a_warning_first_and_then_none() -> None:
    assert word() == "warning: main: its backups have never been restored"
    assert (
        word(first=NOW - 40 * DAY) == "NO-GO: main: its backups have never been restored, and the oldest is 40 days old"
    )


def test_the_newest_one_counts() -> None:
    bad = dataclasses.replace(GOOD, at=NOW, cause="pgbackrest failed: checksum")
    assert word(bad, GOOD) == "go: main: restored 1 day ago in 60 s, 30 s would be lost"
    assert word(GOOD, bad) == "NO-GO: main: the drill today failed: pgbackrest failed: checksum"
    wrong = dataclasses.replace(GOOD, checks=(Finding("posts", "1", "1 is less than 10"),))
    assert word(wrong) == "NO-GO: main: the drill 1 day ago failed: posts: 1 is less than 10"


def test_one_that_is_too_old_is_as_good_as_none() -> None:
    old = dataclasses.replace(GOOD, at=NOW - 39 * DAY)
    assert word(old) == "NO-GO: main: the last drill was 39 days ago, at most 38 days are allowed"
    assert word(old, wanted=Drills(monthly=0)).startswith("go")


def test_a_target_that_was_missed_is_a_warning() -> None:
    assert "20.0 min would be lost, 15 may be" in word(dataclasses.replace(GOOD, lost_seconds=1200))
    assert "it took 100.0 min, and may take 60" in word(dataclasses.replace(GOOD, recovery_seconds=6000))
    assert word(dataclasses.replace(GOOD, lost_seconds=1200)).startswith("warning")


def test_the_bounds_of_a_check() -> None:
    check = Check("posts", "SELECT 1", 10, 20)
    assert [check.problem(text) for text in ("10", "20", "15.5")] == ["", "", ""]
    assert check.problem("9") == "9 is less than 10" and check.problem("21") == "21 is more than 20"
    assert check.problem("") == "the answer is empty" and "is no number" in check.problem("many")
    assert "is no number" in check.problem("nan"), "within no bounds"


def test_a_drill_comes_back_from_its_file_as_it_was() -> None:
    kept = dataclasses.replace(GOOD, checks=(Finding("posts", "12"),))
    assert Drill.from_json(kept.to_json()) == kept
    assert Drill.from_json({"at": "x"}) is None and Drill.from_json([]) is None
