# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a copy leaves waiting in memory is written to the disk, by a program that needs nothing of the engine."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

from release.adapters import write_out


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "1").write_bytes(b"x" * 10)
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    assert [os.fstat(handle).st_size for handle in write_out.files(str(tmp_path))] == [10]


def test_it_runs_by_its_text_alone(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(os.urandom(3 * write_out.PIECE + 1))
    words = [sys.executable, "-IS", "-", str(tmp_path)]
    done = subprocess.run(words, input=inspect.getsource(write_out), capture_output=True, text=True, check=True)
    assert 0 <= int(done.stdout) <= 4, "so many pieces, those that the kernel has written meanwhile left out"
    assert (tmp_path / "table").stat().st_size == 3 * write_out.PIECE + 1


def test_what_is_gone_meanwhile_is_left_out(tmp_path: Path) -> None:
    assert write_out.write_out(str(tmp_path / "gone")) == 0
