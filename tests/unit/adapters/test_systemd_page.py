# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status page's unit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakes.world import World
from support.waiting import until

from release.adapters import systemd_page


def test_operations_have_it_written_and_do_not_care(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for systemd: this one answers only after the test has seen that."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "systemctl"
    script.write_text(
        f'#!/bin/sh\necho "$@" >{tmp_path}/called\nread line <{tmp_path}/go\necho done >{tmp_path}/over\n'
    )
    script.chmod(0o755)
    os.mkfifo(tmp_path / "go")
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    unit = systemd_page.PageUnit(str(tmp_path))
    unit.renew("shop")
    (tmp_path / "shop" / "page").mkdir(parents=True)
    assert not (tmp_path / "called").exists(), "no page is wanted"
    unit.renew("shop")
    assert not (tmp_path / "over").exists()
    (tmp_path / "go").write_text("on\n")
    until((tmp_path / "over").exists)
    assert (tmp_path / "called").read_text() == "--no-block restart onehost-page.service\n"
    # A host without systemd has no page, and no trouble either.
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    unit.renew("shop")
