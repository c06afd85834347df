# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation has the availability probe ask."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence

import pytest
from fakes.docker import HEALTHY
from fakes.stacks import changed_stack, renamed
from fakes.world import World
from invariants.invariants import check_settled

from release.operations.availability import probe_targets
from release.ports import NoAvailability
from release.releases.runtime import ProbeCounts, ProbeTarget


def targets(world: World, live: str, new: str) -> list[ProbeTarget]:
    live_release = world.entry(live).release if live else None
    return probe_targets(world.stack, "staging", live_release, world.entry(new).release)


def test_the_questions_and_the_report(world: World) -> None:
    first = world.good("deploy")
    assert first.probes == {}
    assert targets(world, "", first.release) == []
    assert targets(world, first.release, first.release) == [
        (8100, "localhost", "/health", False, "shop-staging", ""),
        (8100, "localhost", "/front/ready", False, "shop-staging", "/front"),
    ]
    with NoAvailability().watch([]) as seen:
        assert seen == ProbeCounts()


def test_what_comes_or_goes_on_purpose_is_not_asked(world: World) -> None:
    first = world.good("deploy").release
    world.stack = renamed(world, "front", "window")
    world.commit({"window": HEALTHY})
    world.clock.time += 2
    second = world.good("deploy").release
    assert len(targets(world, first, second)) == 2, "another name is no other address"
    world.stack = changed_stack(world, window={"routes": [{"path": "/window", "strip_path": True}]})
    world.clock.time += 2
    third = world.good("deploy").release
    assert [target.path for target in targets(world, second, third)] == ["/health"]


class Lossy:
    """Two of nine probes fail."""

    @contextlib.contextmanager
    def watch(self, asked: Sequence[ProbeTarget]) -> Iterator[ProbeCounts]:
        yield ProbeCounts(asked=9, failed=2, down_seconds=0.5)


def test_a_report_with_failed_probes_says_so_first(world: World) -> None:
    world.good("deploy")
    world.commit({"api": HEALTHY})
    world.host = dataclasses.replace(world.host, availability=Lossy())
    report = world.good("deploy")
    assert report.message == f"staging runs {report.release}, but 2 of 9 probes failed meanwhile"


def test_an_outage_behind_healthy_apps_is_undone(world: World) -> None:
    """While the new release is watched the edge stops answering, although every app is well."""
    world.ship()
    live = dict(world.router.does)
    world.commit({"api": HEALTHY})
    world.good("deploy")
    wait, begun = world.clock.wait, world.clock.monotonic()

    def later(seconds: float) -> None:
        wait(seconds)
        if world.router.does["production"] != live["production"] and world.clock.monotonic() > begun + 5:
            world.probe.edge_down = True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.clock, "wait", later)
        report = world.run("promote", watch_seconds=10)
    assert report and report.failed and "checks through the edge failed" in report.message
    assert world.router.does == {**live, "staging": world.router.does["staging"]}
    world.probe.edge_down = False
    check_settled(world)
