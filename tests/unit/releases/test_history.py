# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history: where a rollback goes, and what is kept."""

from __future__ import annotations

import pytest
from fakes.releases import entry, release

from release.releases.history import kept, newest_first, rollback_target
from release.releases.release import Entry


@pytest.mark.parametrize(
    ("entries", "target"),
    [
        ([entry(1, "live")], None),
        ([entry(1, "previous"), entry(2, "live")], 1),
        ([entry(1, "previous"), entry(2, "rolled_back"), entry(3, "live")], 1),
        ([entry(1, "previous"), entry(2, "failed"), entry(3, "prepared"), entry(4, "live")], 1),
        ([entry(1, "previous"), entry(2, "previous"), entry(3, "live")], 2),
        ([entry(1, "previous", since=9), entry(2, "previous", since=3), entry(4, "live")], 1),
        ([entry(1, "previous", since=5), entry(2, "previous", since=5), entry(4, "live")], 2),
    ],
)
def test_where_a_rollback_goes(entries: list[Entry], target: int | None) -> None:
    staging = Entry(release(30, "staging"), "previous", "20260130T000000Z")
    live = entries[-1].release.id
    found = rollback_target([*entries, staging], "production", live)
    assert (found.release.id if found else None) == (release(target).id if target else None)


def test_where_a_rollback_goes_without_images() -> None:
    entries = [entry(1, "previous"), entry(2, "previous"), entry(3, "live")]
    found = rollback_target(entries, "production", release(3).id, {"sha256:1", "sha256:3"})
    assert found and found.release.id == release(1).id
    assert rollback_target(entries, "production", release(3).id, {"sha256:3"}) is None


def test_the_last_two_good_releases_are_kept() -> None:
    entries = [
        entry(1, "previous"),
        entry(2, "previous"),
        entry(3, "failed"),
        entry(4, "rolled_back"),
        entry(5, "live"),
    ]
    assert [e.release.id for e in kept(entries, "production", release(5).id)] == [release(5).id, release(2).id]
    assert newest_first(entries, "production")[0].release == release(5)
