# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of many sources in the order of their times."""

from __future__ import annotations

from fakes.logs import FakeLogs, FakeReader
from hypothesis import given
from hypothesis import strategies as st

from release.operations.log_merge import AHEAD, HOLD_SECONDS, Merge
from release.releases.logs import Line, Source, Wish

NEVER = 1 << 62
SECOND = 1_000_000_000


def source(name: str, began: int = 0) -> Source:
    return Source(name, "shop", "staging", "app", name, began=began / SECOND)


class Seen:
    def __init__(self, asked: Wish | None = None) -> None:
        self.logs = FakeLogs()
        self.times: list[int] = []
        self.told: list[str] = []
        self.merge = Merge(asked or Wish(), lambda it: self.logs.open(it, 0), self.keep, self.told.append)

    def keep(self, line: Line, _source: Source) -> None:
        self.times.append(line.at)

    def step(self, now: int, passed: float | None = None) -> list[int]:
        """What is shown by steps at this time, until there is no more."""
        self.times.clear()
        while self.merge.step(now, now / SECOND if passed is None else passed):
            pass
        return list(self.times)


@given(st.lists(st.lists(st.integers(0, 50), max_size=20), max_size=6))
def test_history_is_in_order_and_whole(written: list[list[int]]) -> None:
    seen = Seen()
    for number, times in enumerate(written):
        seen.logs.write(source(str(number)), *sorted(times))
    seen.merge.add(seen.logs.sources("shop"))
    seen.merge.history(NEVER)
    assert seen.times == sorted(time for times in written for time in times)


def test_of_a_hundred_one_after_the_other_few_are_open() -> None:
    seen = Seen()
    for number in range(100):
        seen.logs.write(
            source(str(number), number * SECOND), *range(number * SECOND, (number + 1) * SECOND, SECOND // 5)
        )
    most = 0

    def begin(it: Source) -> FakeReader:
        nonlocal most
        found = seen.logs.open(it, 0)
        most = max(most, seen.logs.most_open())
        return found

    seen.merge = Merge(Wish(), begin, seen.keep, seen.told.append)
    seen.merge.add(seen.logs.sources("shop"))
    seen.merge.history(NEVER)
    assert len(seen.times) == 500 and seen.times == sorted(seen.times)
    assert most <= 3


def test_history_ends_although_an_app_writes_on() -> None:
    seen = Seen()
    seen.logs.write(source("a"), *range(100))
    seen.merge.add(seen.logs.sources("shop"))
    seen.merge.history(10)
    assert 10 <= seen.times[-1] < 20


def test_what_was_just_written_waits_for_earlier_lines() -> None:
    seen = Seen()
    hold = int(HOLD_SECONDS * SECOND)
    seen.logs.write(source("a"), 10 * SECOND)
    seen.logs.write(source("b"))
    seen.merge.add(seen.logs.sources("shop"))
    assert seen.step(10 * SECOND) == []
    seen.logs.write(source("b"), 10 * SECOND - 1)
    assert seen.step(10 * SECOND + hold) == [10 * SECOND - 1, 10 * SECOND]


def test_no_line_waits_for_a_clock_that_was_set_back() -> None:
    seen = Seen()
    seen.logs.write(source("a"), 5000 * SECOND)
    seen.merge.add(seen.logs.sources("shop"))
    assert seen.step(10 * SECOND, 1.0) == []
    assert seen.step(10 * SECOND, 1.0 + 3 * HOLD_SECONDS) == [5000 * SECOND]


def test_a_source_that_is_behind_holds_the_others_which_read_no_further() -> None:
    seen = Seen()
    long = b"x" * (AHEAD // 2)
    seen.logs.known = {"a": source("a"), "b": source("b")}
    seen.logs.written = {"a": [Line(1, "", b"")] * 200, "b": [Line(at, "", long) for at in range(2, 50)]}
    seen.merge.add(seen.logs.sources("shop"))
    for _round in range(20):
        seen.merge.step(NEVER, 0.0)
    assert seen.times == [1] * 60
    assert sum(reader.place for reader in seen.logs.readers) == 60 + 3


def test_what_is_filtered_and_what_is_told() -> None:
    seen = Seen(Wish(grep=b"7", since=10))
    seen.logs.troubles["a"] = ["lines are missing here"]
    seen.logs.write(source("a"), 7, 16, 17)
    seen.merge.add(seen.logs.sources("shop"))
    seen.merge.history(NEVER)
    assert (seen.times, seen.told) == ([17], ["staging a: lines are missing here"])
    assert all(reader.closed for reader in seen.logs.readers)
