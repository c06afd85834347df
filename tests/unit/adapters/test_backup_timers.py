# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timer of a stack's backups, with systemctl as a script that writes down what it was told."""

from __future__ import annotations

from pathlib import Path

import pytest

from release.adapters.backup_timers import BackupTimers
from release.errors import OperationError


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "systemctl").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/told\ntest ! -e {tmp_path}/fails\n')
    (folder / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return tmp_path / "told"


def test_the_first_backup_is_made_when_it_is_turned_on(tmp_path: Path, told: Path) -> None:
    mine, timer = BackupTimers(str(tmp_path)), tmp_path / "onehost-backup-shop.timer"
    assert mine.provide("shop", wanted=True, write=False) and not timer.exists()
    assert mine.provide("shop", wanted=True, write=True)
    assert "Persistent=true" in timer.read_text() and "RandomizedDelaySec=" in timer.read_text()
    service = (tmp_path / "onehost-backup-shop.service").read_text()
    assert "ExecStart=/usr/local/bin/onehost backup --stack shop --due" in service and "Nice=10" in service
    assert told.read_text().splitlines()[-1] == "start --no-block onehost-backup-shop.service"
    assert not mine.provide("shop", wanted=True, write=True)


def test_it_goes_with_the_last_backup(tmp_path: Path, told: Path) -> None:
    mine = BackupTimers(str(tmp_path))
    assert not mine.provide("shop", wanted=False, write=True)
    mine.provide("shop", wanted=True, write=True)
    assert mine.provide("shop", wanted=False, write=False) and mine.provide("shop", wanted=False, write=True)
    assert not list(tmp_path.glob("onehost-*")) and "disable --now onehost-backup-shop.timer" in told.read_text()


def test_a_timer_that_cannot_be_set_is_told(tmp_path: Path, told: Path) -> None:
    (tmp_path / "fails").touch()
    with pytest.raises(OperationError, match="timer of backups could not be set"):
        BackupTimers(str(tmp_path)).provide("shop", wanted=True, write=True)
