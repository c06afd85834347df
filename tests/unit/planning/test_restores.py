# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a restore begins, how far it may go, and by which timeline."""

from __future__ import annotations

import dataclasses

import pytest

from release.errors import Problem
from release.planning.restores import Known, Wish, estimate, goal, lineage, room_problem, timeline_at
from release.planning.until import moment_of
from release.releases.backups import BackupSet, RestorePoint, Target
from release.releases.restores import Restored

NOW = moment_of("2026-11-26T12:00:00Z")
HOUR = 3600.0


def backup(label: str, ago: float, *, damaged: bool = False, repository: int = 1) -> BackupSet:
    ended = int(NOW - ago)
    return BackupSet(label, "full", ended - 60, ended, 10**9, 10**8, repository, damaged)


KNOWN = Known(NOW, [backup("old", 48 * HOUR), backup("new", 24 * HOUR)], until=NOW - 60)


def target(at: str = "", known: Known = KNOWN, *, point: str = "") -> Target:
    problems: list[Problem] = []
    found = goal(Wish(at=at, point=point), known, problems)
    assert found is not None, problems
    return found.target


def refused(at: str, known: Known = KNOWN) -> str:
    problems: list[Problem] = []
    assert goal(Wish(at=at), known, problems) is None
    return " | ".join(map(str, problems))


def test_it_begins_with_the_newest_backup_of_before() -> None:
    for at, label in (("2026-11-26T11:00:00Z", "new"), ("2026-11-25T11:00:00+00:00", "old")):
        assert target(at).label == label


@pytest.mark.parametrize("text", ["2026-11-26T20:00:00.250000+09:00", "2026-11-26 11:00:00.25Z"])
def test_a_moment_has_a_zone_and_is_handed_on_in_utc(text: str) -> None:
    assert target(text).value == "2026-11-26 11:00:00.250000+00"
    assert "is no time" in refused("2026-11-26T20:00:00")


def test_later_than_what_is_archived_is_refused_with_both_moments() -> None:
    said = refused("2026-11-26T11:59:30Z")
    assert "2026-11-26 11:59:30 UTC is later than the last commit that is archived, 2026-11-26 11:59:00 UTC" in said


def test_before_the_oldest_backup_there_is_nothing() -> None:
    assert "the oldest one ended at 2026-11-24 12:00:00 UTC" in refused("2026-11-20T00:00:00Z")
    assert "there is no backup" in refused("2026-11-20T00:00:00Z", Known(NOW, until=NOW))


def test_a_damaged_backup_is_not_begun_with() -> None:
    sets = [backup("old", 48 * HOUR), backup("new", 24 * HOUR, damaged=True)]
    assert target("2026-11-26T11:00:00Z", dataclasses.replace(KNOWN, sets=sets)).label == "old"


def test_of_two_repositories_the_first_is_read() -> None:
    sets = [backup("bucket", 24 * HOUR, repository=2), backup("path", 24 * HOUR)]
    assert target("latest", dataclasses.replace(KNOWN, sets=sets)).repository == 1


#: At ten somebody went back to nine, and wrote on from there.
BACK = Restored(NOW - 2 * HOUR, NOW - 3 * HOUR, "1", "2")


def test_what_was_given_up_is_on_its_own_timeline() -> None:
    sets = [backup("before", 4 * HOUR), backup("given-up", 2.5 * HOUR), backup("after", HOUR)]
    known = dataclasses.replace(KNOWN, sets=sets, history=[BACK])
    for at, label, timeline in (
        ("2026-11-26T11:30:00Z", "after", "2"),
        # At half past ten the backup of half past nine leads nowhere: it has what was given up.
        ("2026-11-26T10:30:00Z", "before", "2"),
        ("2026-11-26T09:45:00Z", "given-up", "1"),
        ("2026-11-26T08:30:00Z", "before", "1"),
    ):
        found = target(at, known)
        assert (found.label, found.timeline) == (label, timeline), at


def test_the_restore_point_of_before_a_restore_is_found_on_its_timeline() -> None:
    points = [RestorePoint("before-it", "0/1", NOW - 2 * HOUR - 5)]
    found = target(known=dataclasses.replace(KNOWN, points=points, history=[BACK]), point="before-it")
    assert (found.kind, found.value, found.timeline) == ("name", "before-it", "1")


def test_a_lineage_goes_back_through_every_restore() -> None:
    again = Restored(NOW - HOUR, NOW - 1.5 * HOUR, "2", "3")
    ways = list(lineage([BACK, again], NOW))
    assert ways == [(again.at, NOW), (BACK.at, again.target), (0.0, BACK.target)]
    assert [timeline_at([BACK, again], NOW - ago) for ago in (0, 1.2 * HOUR, 5 * HOUR)] == ["3", "2", "1"]
    assert timeline_at([], NOW) == ""


def test_how_long_it_takes_is_what_the_last_drill_took() -> None:
    assert estimate([], 10**9) is None
    assert estimate([(500.0, 10**9), (60.0, 10**9)], 2 * 10**9) == 120.0
    assert estimate([(60.0, 10**9)], 10**6) == 60.0, "a part of it is there for any size"


def test_there_is_room_for_both() -> None:
    assert not room_problem(10**9, int(1.2 * 10**9), "/x")
    assert "1.2 GB are needed" in str(room_problem(10**9, 10**9, "/x")[0])
