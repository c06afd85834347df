# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary after an operation."""

from __future__ import annotations

import dataclasses

import pytest
from fakes.docker import SICK
from fakes.world import World

from release.rendering.report import report_lines
from release.rendering.summary import is_a_name, rows


def test_the_summary_after_an_operation(world: World) -> None:
    world.ship()
    world.commit({"api": "healthy"})
    world.good("deploy")
    report = dataclasses.asdict(world.good("promote"))
    staging, production = report["after"]["live"]["staging"], report["after"]["live"]["production"]
    assert production["release"] == report["release"] and staging["release"] != production["release"]
    report["probes"] = {"asked": 40, "failed": 0, "down_seconds": 0.0}
    found = {(label, kind): text for label, text, kind in rows(report)}
    assert found["downtime", "ok"] == "none seen, 40 probes answered"
    assert found["back", ""] == f"ansible-playbook onehost.release.rollback goes back to {report['was']}"
    assert found["disk", ""] == "100 GB free, floor 1 GB"
    report["probes"] = {"asked": 40, "failed": 3, "down_seconds": 0.75}
    report["after"].update(free_gb=0.5, due=["SESSION (production): due in 3 days"])
    found = {(label, kind): text for label, text, kind in rows(report)}
    assert found["downtime", "error"] == "0.8 s seen, 3 of 40 probes failed"
    assert found["disk", "warning"].endswith(". Fix: ansible-playbook onehost.release.cleanup")
    assert found["due", "warning"] == "SESSION (production): due in 3 days"
    text = "\n".join(report_lines(report))
    assert "downtime: 0.8 s seen" in text and "due: SESSION" in text and "disk: 0.5 GB free" in text


def test_a_failure_tells_what_is_live_and_what_was_not_changed(world: World) -> None:
    world.ship()
    live = world.entries("staging")[-1].release.id
    world.commit({"api": SICK})
    report = world.run("deploy")
    assert report and report.failed
    found = [text for label, text, _kind in rows(dataclasses.asdict(report)) if label == "live"]
    assert any(text.startswith("staging ") and live in text for text in found)
    assert not [row for row in rows(dataclasses.asdict(report)) if row[0] in ("next", "back")]


@pytest.mark.parametrize(
    ("version", "shown"),
    [("main", True), ("v1.4.0", True), ("abcdef012345", False), ("abcdef0123456789", False), ("", False)],
)
def test_a_version_is_shown_when_it_is_not_the_commit_again(version: str, shown: bool) -> None:
    assert is_a_name(version, "abcdef012345") is shown


def test_a_version_whose_commit_is_not_known() -> None:
    assert is_a_name("main", "") and not is_a_name("", "")
