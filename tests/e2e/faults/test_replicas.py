# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An app gets another number of containers, and that is killed at each of its steps."""

from __future__ import annotations

import pytest
from support.faults import Faults

pytestmark = pytest.mark.fault

UP = ("scale", "start:begun", "start:half", "start:done", "healthy:done", "scale:begun", "scale:done")
DOWN = ("scale", "scale:begun", "scale:done", "drain:done", "stop:begun", "stop:half")


def app_of(faults: Faults) -> str:
    """One that the load only reads from: what is sent to it may be sent again."""
    return next(iter(faults.apps))


def containers(faults: Faults) -> int:
    mine = f"--filter label=release.onehost.stack={faults.stack} --filter label=release.onehost.app={app_of(faults)}"
    listed = faults.shell(f"docker ps --quiet --filter label=release.onehost.environment=production {mine}")
    return len(listed.split())


@pytest.mark.parametrize("moment", UP)
def test_killed_on_the_way_up(faults: Faults, moment: str) -> None:
    with faults.case("scale up killed", moment) as case:
        faults.kill_at(moment, "scale", f"{app_of(faults)}=3")
        case.found = faults.onehost("recover").stdout.strip().partition("; ")[2]
        assert containers(faults) == (3 if moment == "scale:done" else 1)
        faults.onehost("scale", f"{app_of(faults)}=default")


@pytest.mark.parametrize("moment", DOWN)
def test_killed_on_the_way_down(faults: Faults, moment: str) -> None:
    with faults.case("scale down killed", moment) as case:
        faults.onehost("scale", f"{app_of(faults)}=3")
        faults.kill_at(moment, "scale", f"{app_of(faults)}=1")
        case.found = faults.onehost("recover").stdout.strip().partition("; ")[2]
        assert containers(faults) == (1 if moment not in ("scale", "scale:begun") else 3)
        faults.onehost("scale", f"{app_of(faults)}=default")


def test_one_of_three_is_killed_in_a_promote(faults: Faults) -> None:
    """Requests that change nothing are sent to another; the load asks for nothing else."""
    faults.promotable()
    with faults.case("SIGKILL", "of a replica, in a promote"):
        faults.onehost("scale", f"{app_of(faults)}=3")
        labels = {"app": app_of(faults), "environment": "production", "replica": "2"}
        mine = " ".join(f"--filter label=release.onehost.{name}={value}" for name, value in labels.items())
        # The oldest is that of the release that is live.
        kill = f"docker kill $(docker ps --quiet {mine} | tail -n 1)"
        faults.operate("healthy:begun", "promote", do=kill)
        assert containers(faults) == 3
        faults.onehost("scale", f"{app_of(faults)}=default")
