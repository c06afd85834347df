# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in restic's copies, by a script in its place that answers as restic 0.12 and 0.18 do; and files of volumes."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from release.adapters import restic
from release.adapters.copied_files import CopiedFiles
from release.errors import OperationError
from release.releases.backups import Places
from release.releases.copied import Copied

COPIED = Copied("5a5a", 1000.0, "/volumes/up/_data")
NODES = [
    {"struct_type": "snapshot", "id": "5a5a", "paths": ["/volumes/up/_data"]},
    {"struct_type": "node", "type": "dir", "path": "/volumes/up/_data"},
    {"struct_type": "node", "type": "file", "path": "/volumes/up/_data/a b"},
    {"struct_type": "node", "type": "symlink", "path": "/volumes/up/_data/link"},
    {"struct_type": "node", "type": "file", "path": "/volumes/up/_data/in/c"},
    {"struct_type": "node", "type": "file", "path": "/volumes/up/_data/\ufffd"},
]
SNAPSHOTS = [
    {"id": "1111", "time": "2026-11-26T12:00:00.5+09:00", "paths": ["/volumes/up/_data"]},
    {"id": "2222", "time": "2026-11-26T03:00:01.123456789Z", "paths": ["/volumes/up/_data"]},
]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder, log = tmp_path / "bin", tmp_path / "told"
    folder.mkdir()
    (tmp_path / "nodes").write_text("".join(f"{json.dumps(node)}\n" for node in NODES))
    (tmp_path / "snapshots").write_text(json.dumps(SNAPSHOTS))
    programs = {
        "nice": 'shift 5; exec "$@"',
        "restic": f"""shift
echo "restic $*" >>{log}
case "$*" in
*snapshots*none*) echo null ;;
*snapshots*) cat {tmp_path}/snapshots ;;
*ls*) cat {tmp_path}/nodes ;;
*dump*damaged) printf half; echo "Fatal: ciphertext verification failed" >&2; exit 1 ;;
*dump*) printf 'what is in it' ;;
esac""",
    }
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setattr(restic, "PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return log


def places(tmp_path: Path) -> Places:
    return Places(str(tmp_path / "backups"), "pass")


def test_the_copies_that_are_whole(tmp_path: Path, told: Path) -> None:
    mine = CopiedFiles("/key")
    first, second = mine.copies(places(tmp_path), "path", "shop", "production volume up")
    assert (first.name, first.root) == ("1111", "/volumes/up/_data")
    # By the zone of each.
    assert first.begun == 1795662000.5 and second.begun == pytest.approx(1795662001.123456)
    assert "--tag=production/volume/up,whole" in told.read_text()
    assert mine.copies(places(tmp_path), "path", "shop", "production volume none") == []


def test_its_regular_files(tmp_path: Path, told: Path) -> None:
    found = CopiedFiles("/key").paths(places(tmp_path), "path", "shop", COPIED)
    assert list(found) == ["a b", "in/c"], "no links, and no names that restic does not read again"


def test_a_file_is_read_to_its_end(tmp_path: Path, told: Path) -> None:
    mine = CopiedFiles("/key")
    found = mine.checksum(places(tmp_path), "path", "shop", COPIED, "in/c")
    assert found == hashlib.sha256(b"what is in it").hexdigest()
    assert told.read_text().endswith("dump 5a5a /volumes/up/_data/in/c\n")
    with pytest.raises(OperationError, match="ciphertext verification failed"):
        mine.checksum(places(tmp_path), "path", "shop", COPIED, "damaged")


def test_a_file_of_a_volume_is_read_without_following_anything(tmp_path: Path) -> None:
    root = tmp_path / "volume"
    (root / "in").mkdir(parents=True)
    (root / "in" / "c").write_text("mine")
    secret = tmp_path / "elsewhere"
    secret.mkdir()
    (secret / "shadow").write_text("not mine")
    (root / "link").symlink_to(secret / "shadow")
    (root / "folder").symlink_to(secret)
    os.mkfifo(root / "pipe")
    mine = CopiedFiles()
    found = mine.present(str(root), "in/c")
    assert found and found.sha256 == hashlib.sha256(b"mine").hexdigest()
    assert found.changed == (root / "in" / "c").stat().st_ctime
    for path in ("link", "folder/shadow", "pipe", "in", "gone", "in/c/d", "gone/a"):
        assert mine.present(str(root), path) is None, path
    assert mine.present(str(tmp_path / "none"), "a") is None
