# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several things at once: in order, really at the same time, and nothing left running after a failure."""

from __future__ import annotations

import threading

import pytest

from release.util.concurrency import TaskPool, concurrently


def test_answers_come_in_the_order_of_the_items() -> None:
    assert concurrently(lambda number: number * 2, range(100)) == [number * 2 for number in range(100)]


def test_nothing_to_do() -> None:
    assert concurrently(lambda number: number, []) == []


def test_one_thing_alone_needs_no_thread() -> None:
    assert concurrently(lambda _item: threading.current_thread(), [0]) == [threading.current_thread()]


def test_they_are_done_at_the_same_time() -> None:
    """Each waits for the other: one after the other would never end."""
    meeting = threading.Barrier(3, timeout=10)
    assert sorted(concurrently(lambda _item: meeting.wait(), range(3))) == [0, 1, 2]


def test_the_first_failure_is_raised_after_all_have_ended() -> None:
    slow, ended = threading.Event(), []

    def act(number: int) -> None:
        if number == 0:
            slow.set()
            raise ValueError("first")
        assert slow.wait(10)
        ended.append(number)

    with pytest.raises(ValueError, match="first"):
        concurrently(act, range(4))
    assert sorted(ended) == [1, 2, 3]


def test_threads_stay_for_the_next_time() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def who(_item: int) -> int:
        meeting.wait()
        return threading.get_ident()

    with TaskPool() as at_once:
        assert set(at_once.all(who, range(2))) == set(at_once.all(who, range(2)))
