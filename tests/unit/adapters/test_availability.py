# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The availability probe of an operation, in front of an edge that breaks."""

from __future__ import annotations

import threading

import pytest
from support.waiting import until

from release.adapters.availability import AvailabilityProbe
from release.releases.runtime import Answer, ProbeCounts, ProbeTarget


class Edge:
    """Answers as it is told, by path."""

    def __init__(self) -> None:
        self.status = {"/a": 200, "/b": 200}
        self.asked: list[str] = []

    def health(self, port: int, path: str) -> Answer:
        raise AssertionError("the probe stands outside")

    def edge(self, target: ProbeTarget) -> Answer:
        self.asked.append(target.path)
        return Answer(self.status[target.path])


QUESTIONS = [ProbeTarget(8100, "localhost", path, tls=False, site="shop-staging") for path in ("/a", "/b")]


def test_it_counts_what_is_not_answered() -> None:
    edge = Edge()
    with AvailabilityProbe(edge, 0.005).watch(QUESTIONS) as seen:
        until(lambda: seen.asked >= 4)
        assert seen.failed == 0 and seen.down_seconds == 0
        edge.status["/b"] = 503
        until(lambda: seen.failed >= 3)
        edge.status["/b"] = 200
        until(lambda: seen.down_seconds > 0)
    assert seen.asked % 2 == 0 and 0.005 < seen.down_seconds < 5
    assert threading.active_count() < 20, "nobody looks on afterwards"


def test_a_break_that_does_not_end_counts_up_to_the_end() -> None:
    edge = Edge()
    with AvailabilityProbe(edge, 0.005).watch(QUESTIONS) as seen:
        until(lambda: seen.asked > 0)
        edge.status["/a"] = 0
        until(lambda: seen.failed >= 2)
    assert seen.down_seconds > 0


def test_what_did_not_answer_before_cannot_be_lost() -> None:
    edge = Edge()
    edge.status["/b"] = 503
    with AvailabilityProbe(edge, 0.005).watch(QUESTIONS) as seen:
        until(lambda: seen.asked > 3)
    assert seen.failed == 0 and edge.asked.count("/b") == 1
    edge.status["/a"] = 503
    with AvailabilityProbe(edge, 0.005).watch(QUESTIONS) as seen:
        until(lambda: edge.asked.count("/b") == 2)
    assert seen == ProbeCounts(), "a first release: nothing to lose"


def test_the_block_may_fail() -> None:
    edge = Edge()
    with pytest.raises(ValueError), AvailabilityProbe(edge, 0.005).watch(QUESTIONS) as seen:
        until(lambda: seen.asked > 0)
        raise ValueError
    asked = seen.asked
    assert asked and threading.active_count() < 20
