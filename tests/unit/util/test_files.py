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


def test_only_regular_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"text")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "nowhere").symlink_to("missing")
    os.mkfifo(tmp_path / "fifo")
    assert files.read(str(tmp_path / "file")) == files.read_existing(str(tmp_path / "file")) == b"text"
    assert files.read(str(tmp_path / "missing")) is None
    for name in ("link", "nowhere", "fifo", "."):
        with pytest.raises(OSError):
            files.read(str(tmp_path / name))
    assert files.read_with_mode(str(tmp_path / "link"), follow=True)[0] == b"text"
    with pytest.raises(OSError, match="is no regular file"):
        files.read_with_mode(str(tmp_path / "fifo"), follow=True)
    monkeypatch.setattr(files, "LARGEST", 3)
    with pytest.raises(OSError, match="is larger than 3 bytes"):
        files.read(str(tmp_path / "file"))


def test_a_planted_name_is_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    for name in ("file", "file.partial"):
        (tmp_path / name).symlink_to(victim)
    with pytest.raises(FileExistsError):
        files.write_synced(str(tmp_path / "file"), b"new", 0o644)
    with pytest.raises(OSError):
        files.write_in_place(str(tmp_path / "file"), b"new", 0o644)
    files.write_atomically(str(tmp_path / "file"), b"new", 0o644)
    assert (tmp_path / "file").read_bytes() == b"new" and not (tmp_path / "file").is_symlink()
    os.link(victim, tmp_path / "second")
    with pytest.raises(OSError, match="one name"):
        files.write_in_place(str(tmp_path / "second"), b"new", 0o644)
    assert victim.read_bytes() == b"untouched"


def test_the_owner_is_set_before_the_file_appears(tmp_path: Path) -> None:
    files.write_atomically(str(tmp_path / "key"), b"private", 0o600, os.getuid())
    facts = (tmp_path / "key").stat()
    assert (facts.st_uid, facts.st_mode & 0o777) == (os.getuid(), 0o600)
