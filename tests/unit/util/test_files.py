# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from release.util import files


def test_atomic_files(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    files.write_atomically(str(path), b"one", 0o600)
    files.write_atomically(str(path), b"two" * 100000, 0o600)
    assert path.read_bytes() == b"two" * 100000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    files.write_atomically(str(path), b"old", 0o644)

    def full(handle: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError):
        files.write_atomically(str(path), b"new", 0o644)
    assert path.read_bytes() == b"old"


def test_a_shorter_key_leaves_nothing_of_the_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"a longer one")
    files.write_in_place(str(path), b"short", 0o644)
    assert path.read_bytes() == b"short" and path.stat().st_mode & 0o777 == 0o644
