# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in a directory of somebody else's: written with that user's rights, whatever the user put in the way."""

from __future__ import annotations

import importlib
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ask

#: Somebody else, if these tests run as root.
USER = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A directory of the user's, which the user can reach."""
    # Not below pytest's own, which no other user may enter.
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    home = place / "theirs"
    home.mkdir()
    os.chown(home, USER.pw_uid, USER.pw_gid)
    yield home
    shutil.rmtree(place)


def entry(path: Path, **more: Any) -> dict[str, Any]:
    return {"path": [str(path)], "write_as": USER.pw_name, "mode": "0640", **more}


def test_everything_belongs_to_the_user_and_is_done_once(ask: Ask, theirs: Path) -> None:
    wanted = [
        entry(theirs / "scripts", state="directory", mode="0755"),
        entry(theirs / "scripts" / "status.sh", content="true\n", mode="0755", validate="sh -n %s"),
        {"path": [str(theirs / "link")], "state": "link", "target": "/var/lib", "write_as": USER.pw_name},
    ]
    done = ask("files", files=wanted)
    assert done["paths"] == [str(theirs / name) for name in ("scripts", "scripts/status.sh", "link")]
    assert len(done["diff"]) == 3 and done["left_alone"] == []
    assert {path.lstat().st_uid for path in theirs.rglob("*")} == {USER.pw_uid}
    assert (theirs / "scripts" / "status.sh").stat().st_mode & 0o777 == 0o755
    again = ask("files", files=wanted)
    assert again["paths"] == [] and again["diff"] == []


def test_what_is_in_the_way_is_left_and_told(ask: Ask, theirs: Path) -> None:
    victim = theirs.parent / "victim"
    victim.write_text("untouched")
    (theirs / "config").symlink_to(theirs.parent)
    (theirs / "file").mkdir()
    os.mkfifo(theirs / "fifo")
    done = ask(
        "files",
        files=[
            entry(theirs / "config" / "victim", content="new\n"),
            entry(theirs / "file", content="new\n"),
            entry(theirs / "fifo", content="new\n"),
            entry(theirs / "free", content="new\n"),
        ],
    )
    # As root's, it would have been written; where the user is who runs the tests, it may be.
    assert victim.read_text() == "untouched" or USER.pw_uid == os.getuid()
    assert (theirs / "file").is_dir() and (theirs / "free").read_text() == "new\n"
    assert any("is a directory" in what for what in done["left_alone"])
    assert str(theirs / "free") in done["paths"]


def test_a_link_is_replaced_and_not_followed(ask: Ask, theirs: Path) -> None:
    victim = theirs.parent / "victim"
    victim.write_text("untouched")
    (theirs / "file").symlink_to(victim)
    ask("files", files=[entry(theirs / "file", content="new\n")])
    assert victim.read_text() == "untouched" and (theirs / "file").read_text() == "new\n"
    assert not (theirs / "file").is_symlink()


def test_a_file_of_roots_in_their_directory_is_replaced(ask: Ask, theirs: Path) -> None:
    (theirs / "docker-compose.yml").write_text("same\n")
    (theirs / "docker-compose.yml").chmod(0o640)
    ask("files", files=[entry(theirs / "docker-compose.yml", content="same\n")])
    assert (theirs / "docker-compose.yml").stat().st_uid == USER.pw_uid


def test_content_that_is_not_valid_is_an_error(ask: Ask, theirs: Path) -> None:
    failed = ask("files", files=[entry(theirs / "script", content="if\n", validate="sh -n %s")])
    assert failed["failed"] and "sh -n" in failed["msg"] and not (theirs / "script").exists()


def test_check_mode_writes_nothing(ask: Ask, theirs: Path) -> None:
    wanted = [entry(theirs / "new" / "inner", state="directory", mode="0755")]
    assert ask("files", check=True, files=wanted)["changed"] and list(theirs.iterdir()) == []
    nobody_yet = [{"path": [str(theirs / "file")], "content": "x", "mode": "0600", "write_as": "not-created-yet"}]
    assert ask("files", check=True, files=nobody_yet)["changed"]


def test_directories_are_created_for_the_user_where_only_root_may(collection: None, theirs: Path) -> None:
    """Only below directories that nobody else can change: elsewhere a link could lead anywhere."""
    module = importlib.import_module("ansible_collections.onehost.release.plugins.module_utils.owned_files")
    open_to_all = theirs.parent / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (theirs / "out").symlink_to(theirs.parent)
    module.create_for(USER.pw_name, str(open_to_all / "made"))
    module.create_for(USER.pw_name, str(theirs / "out" / "made"))
    assert not (open_to_all / "made").exists() and not (theirs.parent / "made").exists()
