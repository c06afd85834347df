# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Timers, and the commands that systemd is given for them."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from support.commands import commands

from release.adapters import systemd_timers
from release.adapters.systemd_timers import Timer
from release.errors import OperationError


def test_timer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = f'echo "$(basename "$0") $*" >>{tmp_path}/called'
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", systemctl=f"{note}; exit 5", systemd_run=note))
    Timer().arm("shop", "production", 0.2)
    stop, run = (tmp_path / "called").read_text().splitlines()
    assert stop == "systemctl stop onehost-cool-shop-production:*.timer"
    assert re.match(r"systemd-run --unit=onehost-cool-shop-production:\d+ --collect --on-active=1s", run)
    assert run.endswith("/usr/local/bin/onehost cool --stack shop")
    # What the first one started may still be at work under its name.
    Timer().arm("shop", "production", 0.2)
    again = (tmp_path / "called").read_text().splitlines()[-1]
    assert again.split()[1] != run.split()[1]


def test_timer_of_the_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = f'echo "$(basename "$0") $*" >>{tmp_path}/called'
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", systemctl=note, systemd_run=note))
    due = time.time() + 90.2
    Timer().arm_grace_period("shop", 90.2)
    Timer().disarm_grace_period("shop")
    stop, run, last = (tmp_path / "called").read_text().splitlines()
    assert stop == last == "systemctl stop onehost-end-overlap-shop:*.timer"
    assert "--on-active=91s --on-unit-inactive=60s" in run, "not before its time, and again when it failed"
    (moment,) = re.findall(r"--on-calendar=@(\d+) ", run)
    assert due <= int(moment) < due + 10, "a daemon-reload does not postpone it"
    assert run.endswith("/usr/local/bin/onehost end-overlap --stack shop")


def test_timer_of_the_end_of_a_maintenance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = f'echo "$(basename "$0") $*" >>{tmp_path}/called'
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", systemctl=note, systemd_run=note))
    systemd_timers.arm_maintenance("shop", "staging", 90.2)
    systemd_timers.disarm_maintenance("shop", "staging")
    stop, run, last = (tmp_path / "called").read_text().splitlines()
    assert stop == last == "systemctl stop onehost-end-maintenance-shop-staging:*.timer"
    assert "--on-active=91s --on-calendar=@" in run
    assert run.endswith("/usr/local/bin/onehost end-maintenance --stack shop")


def test_timer_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = commands(tmp_path / "bin", systemctl="exit 0", systemd_run="echo no bus >&2; exit 1")
    monkeypatch.setenv("PATH", path)
    with pytest.raises(OperationError, match="no bus"):
        Timer().arm("shop", "production", 60)
    assert os.environ["PATH"] == path
