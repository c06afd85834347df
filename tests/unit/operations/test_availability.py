# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation has the availability probe ask."""

from __future__ import annotations

from fakes.world import World

from release.operations.availability import probe_targets
from release.ports import NoAvailability
from release.releases.runtime import ProbeCounts


def test_the_questions_and_the_report(world: World) -> None:
    asked = probe_targets(world.stack, "staging")
    assert asked == [
        (8100, "localhost", "/health", False, "shop-staging"),
        (8100, "localhost", "/front/ready", False, "shop-staging"),
    ]
    assert world.good("deploy").probes == {}
    with NoAvailability().watch([]) as seen:
        assert seen == ProbeCounts()
