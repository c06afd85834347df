# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs around a switch, killed with it; and one by schedule, which a release that is killed must not run twice."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from support.faults import LONG, SHORT, Faults
from support.lab import until

from .test_crash import assert_one_whole_release, begin, there_and_back

pytestmark = pytest.mark.fault

HOOKS = ("hooked-prepare", "hooked-announce")
#: A rollback runs no hooks. A step's begin is the end of the one before.
MOMENTS = [
    f"{step}:{when}"
    for step in ("before_switch", "after_switch")
    for when in (("half", "done") if SHORT else ("begun", "half", "done"))
]


def running(faults: Faults, *jobs: str) -> list[str]:
    """The containers in which jobs of production run."""
    return [
        name
        for job in jobs
        for name in faults.shell(
            f"docker ps --quiet --filter label=release.onehost.stack=hooked --filter label=release.onehost.app={job} "
            "--filter label=release.onehost.environment=production"
        ).split()
    ]


def next_run(faults: Faults) -> str:
    """The release of the scheduled job's next run."""
    begun = time.time()
    until(lambda: newest_run(faults)["begun"] > begun, 30, "the scheduled job runs")
    return str(newest_run(faults)["release"])


def newest_run(faults: Faults) -> dict[str, Any]:
    found = json.loads(faults.onehost("runs", "--environment", "production", "--number", "50", "--json").stdout)
    return max(
        (run for run in found if run["app"] == "hooked-clock"), key=lambda run: run["begun"], default={"begun": 0}
    )


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_around_its_hooks(hooked: Faults, moment: str) -> None:
    begin(hooked, "promote")
    with hooked.case("promote killed, jobs around its switch", moment) as case:
        hooked.kill_at(moment, "promote")
        assert_one_whole_release(hooked)
        case.recovered(hooked.onehost("recover").stdout)
        assert running(hooked, *HOOKS) == [], "a hook of the killed operation still runs"
        assert len(running(hooked, "hooked-clock")) <= 1
        assert next_run(hooked) == hooked.live(), "the scheduled job is of the release that is live"
        if LONG:
            there_and_back(hooked, "promote")
