# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules: what systemd takes is taken, and what would never fire is not."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from release.stack.schedule import problem_with

GOOD = [
    "Mon..Fri 06:00 Asia/Seoul",
    "Mon,Wed,Sat..Sun 06:00:30 UTC",
    "Monday 6:00 UTC",
    "*-*-* 00/6:00 UTC",
    "*-02-29 12:00 UTC",
    "*-2-29 UTC",
    "02-29 UTC",
    "*-*~01 23:59:59 Europe/Berlin",
    "*-02~28 UTC",
    "*-01-1..5/2 UTC",
    "Mon *-05~07/1 UTC",
    "*:0/15 UTC",
    "*:*:0/10 UTC",
    "08..18/2:30 America/New_York",
    "daily UTC",
    "hourly Etc/GMT+8",
    "06:00,30 UTC",
    "Sat,Thu,Mon..Wed,Sat..Sun UTC",
]
BAD = {
    "": "names no time zone",
    "06:00": "names no time zone",
    "Mon": "names no time zone",
    "daily": "names no time zone",
    "UTC": "names no time zone",
    "Mon..Fri 06:00 asia/seoul": "names no time zone",
    "*-02-30 06:00 UTC": "never fires: no year has a 02-30 (month-day)",
    "*-04,06,09,11-31 UTC": "never fires: no year has a 04,06,09,11-31 (month-day)",
    "*-02~29 UTC": "has the day '29', which is not from 1 to 28",
    "2026-12-01 06:00 UTC": "names the year '2026', after which it never fires",
    "Mon Tue 06:00 UTC": "cannot be read at 'Tue'",
    "Foo 06:00 UTC": "names 'Foo', which is no day of the week",
    "25:00 UTC": "has the hour '25', which is not from 0 to 23",
    "06:60 UTC": "has the minute '60', which is not from 0 to 59",
    "06:00:00:00 UTC": "has the time '06:00:00:00', which cannot be read",
    "*-13-01 UTC": "has the month '13', which is not from 1 to 12",
    "*-01-00 UTC": "has the day '00', which is not from 1 to 31",
    "*-01-1x UTC": "has the day '1x', which cannot be read",
    "1-2-3-4 UTC": "has the date '1-2-3-4', which cannot be read",
    "*:0/0 UTC": "has the minute '0/0', which repeats nothing",
    "0/30:00 UTC": "has the hour '0/30', which repeats nothing",
    "*-*-*/2 UTC": "has the day '*/2', which repeats nothing",
    "18..8:00 UTC": "has the hour '18..8', which ends before it begins",
    "often UTC": "names 'often', which is no day of the week",
    "06:00 06:00 UTC": "cannot be read at '06:00'",
    "0 6 * * * UTC": "cannot be read at '0'",
    "@daily UTC": "cannot be read at '@daily'",
}


@pytest.mark.parametrize("schedule", GOOD)
def test_taken(schedule: str) -> None:
    assert problem_with(schedule) == ("", "")


@pytest.mark.parametrize(("schedule", "what"), BAD.items())
def test_refused(schedule: str, what: str) -> None:
    found, fix = problem_with(schedule)
    assert found == what and fix


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd says what it takes")
@pytest.mark.parametrize("schedule", GOOD)
def test_systemd_takes_it_too(schedule: str) -> None:
    subprocess.run(["systemd-analyze", "calendar", schedule], check=True, stdout=subprocess.DEVNULL)
