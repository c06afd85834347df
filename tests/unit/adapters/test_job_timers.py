# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers of jobs: files for systemd, changed only where a schedule is another, and what systemd makes of a schedule."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from release.adapters import job_timers
from release.adapters.job_timers import JobTimers
from release.errors import OperationError

DIGEST, REPORT = "onehost-job-shop_production_digest.timer", "onehost-job-shop_production_report.timer"


class Systemd:
    """Remembers what it was told, and which timers wait."""

    def __init__(self) -> None:
        self.told: list[list[str]] = []
        self.waiting: set[str] = set()
        self.fails = ""

    def run(self, command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        words = command[1:]
        if words[0] == "is-active":
            states = ["active" if name in self.waiting else "inactive" for name in words[1:]]
            return subprocess.CompletedProcess(command, 3, "\n".join(states), "")
        self.told.append(words)
        if words[0] == self.fails:
            return subprocess.CompletedProcess(command, 1, "", "first line\nno such thing\n")
        if words[:2] == ["enable", "--now"]:
            self.waiting |= set(words[2:])
        if words[:2] == ["disable", "--now"]:
            self.waiting -= set(words[2:])
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Systemd:
    found = Systemd()
    monkeypatch.setattr(job_timers.subprocess, "run", found.run)
    return found


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


def test_a_timer_and_what_it_starts(tmp_path: Path, systemd: Systemd) -> None:
    timers = JobTimers(str(tmp_path))
    assert timers.provide("shop", "production", {"digest": "Mon..Fri 06:00 Asia/Seoul"})
    text = (tmp_path / DIGEST).read_text()
    assert "OnCalendar=Mon..Fri 06:00 Asia/Seoul\n" in text and "Persistent=true\n" in text
    service = (tmp_path / DIGEST.replace(".timer", ".service")).read_text()
    assert "jobs --stack shop --environment production --scheduled digest\n" in service
    assert "onehost-boot.service" in service and "KillMode=mixed" in service
    assert stat.S_IMODE((tmp_path / DIGEST).stat().st_mode) == 0o644
    assert [words[0] for words in systemd.told] == ["daemon-reload", "stop", "clean", "enable"]


def test_what_is_right_already_is_left_alone(tmp_path: Path, systemd: Systemd) -> None:
    timers = JobTimers(str(tmp_path))
    wanted = {"digest": "daily UTC", "report": "hourly UTC"}
    timers.provide("shop", "production", wanted)
    systemd.told.clear()
    assert not timers.provide("shop", "production", wanted)
    assert systemd.told == []
    # A kill may have come between the file and systemd.
    systemd.waiting.discard(REPORT)
    assert timers.provide("shop", "production", wanted)
    assert ["enable", "--now", REPORT] in systemd.told


def test_another_schedule_begins_anew_and_what_is_gone_is_removed(tmp_path: Path, systemd: Systemd) -> None:
    timers = JobTimers(str(tmp_path))
    timers.provide("shop", "production", {"digest": "daily UTC", "report": "hourly UTC"})
    timers.provide("shop", "staging", {"digest": "daily UTC"})
    timers.provide("shop-production", "staging", {"digest": "daily UTC"})
    systemd.told.clear()
    assert timers.provide("shop", "production", {"digest": "weekly UTC"})
    assert ["disable", "--now", REPORT] in systemd.told
    # Or systemd would take the time that it fired by the old schedule for one that it missed by the new one.
    assert systemd.told.index(["clean", "--what=state", DIGEST]) < systemd.told.index(["enable", "--now", DIGEST])
    assert len(names(tmp_path)) == 6 and REPORT not in names(tmp_path)
    assert timers.provide("shop", "production", {}) and len(names(tmp_path)) == 4
    systemd.told.clear()
    assert not timers.provide("shop", "production", {}) and systemd.told == []


def test_systemd_may_refuse(tmp_path: Path, systemd: Systemd) -> None:
    systemd.fails = "enable"
    with pytest.raises(OperationError, match="the timers of jobs could not be set") as error:
        JobTimers(str(tmp_path)).provide("shop", "production", {"digest": "daily UTC"})
    assert error.value.cause == "no such thing" and error.value.where == f"systemctl enable --now {DIGEST}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd tells the times")
def test_the_next_times_of_a_schedule() -> None:
    timers = JobTimers()
    assert timers.upcoming("Mon..Fri 06:00 Asia/Seoul", 1_800_000_000.0, 2) == [1_800_219_600.0, 1_800_306_000.0]
    assert timers.upcoming("*:*:0/10 UTC", 1_800_000_000.5, 3) == [1800000010.0, 1800000020.0, 1800000030.0]
    with pytest.raises(OperationError, match="systemd does not take the schedule"):
        timers.upcoming("06:00 Mars/Olympus", 0.0, 1)
