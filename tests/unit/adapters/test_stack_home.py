# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a stack lives, and moving there what earlier versions kept in the directory of its owner."""

from __future__ import annotations

import dataclasses
import errno
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.stacks import shop_definition

from release.adapters.earlier_layout import EarlierLayout
from release.adapters.stack_files import StackFiles
from release.adapters.stack_home import StackHome
from release.errors import RefusedError
from release.stack.model import Stack
from release.stack.place import Place, Provided
from release.stack.reader import read_stack
from release.util import trees

ME = os.getuid()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    owner = pwd.getpwuid(ME).pw_name
    stack = read_stack("shop", shop_definition() | {"directory": str(tmp_path / "shop")})
    return dataclasses.replace(stack, owner=owner)


@pytest.fixture
def earlier(stack: Stack) -> Path:
    """The directory as an earlier version left it."""
    home = Path(stack.directory)
    for name, text in {
        "releases/r1/release.json": "{}",
        "releases/r1/env/common": "A='1'\n",
        "nginx/production.conf": "wanted",
        "nginx/live/production.conf": "live",
        "config/.env.common": "A='\u00e9'\n",
        "config/keys/jwt_private.pem": "private",
        "scripts/status.sh": "",
    }.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return home


def move(stack: Stack, state: Path) -> list[str]:
    return EarlierLayout(str(state), root=ME).move(stack)


def provide(stack: Stack, state: Path, *, write: bool = True) -> Provided:
    return StackHome(str(state)).provide(Place(stack.name, stack.directory, stack.owner), write=write)


def test_directories_and_links_once(stack: Stack, state: Path) -> None:
    told, blocked = provide(stack, state, write=False)
    assert not blocked and list(state.iterdir()) == []
    assert provide(stack, state) == (told, [])
    assert provide(stack, state) == ([], [])
    home = Path(stack.directory)
    assert (home / "releases").readlink() == state / "shop" / "releases"
    assert (home / "nginx").readlink() == state / "shop" / "nginx"
    assert (home / "config" / "keys").readlink() == state / "shop" / "keys"
    modes = {path.name: path.stat().st_mode & 0o777 for path in (state / "shop").iterdir()}
    assert modes == {"env": 0o700, "nginx": 0o755, "releases": 0o755}


def test_what_the_owner_put_in_the_way_is_left_and_told(stack: Stack, state: Path) -> None:
    mine = Path(stack.directory) / "releases"
    mine.mkdir(parents=True)
    (Path(stack.directory) / "nginx").symlink_to("/etc")
    changed, blocked = provide(stack, state)
    assert blocked == [f"{mine} is no link to {state}/shop/releases"] and mine.is_dir()
    assert f"{stack.directory}/nginx" in changed and (Path(stack.directory) / "nginx").readlink() != Path("/etc")


def test_a_directory_that_cannot_be_written_stops_nothing(stack: Stack, state: Path) -> None:
    Path(stack.directory).write_text("in the way")
    changed, blocked = provide(stack, state)
    assert len(blocked) == 1 and stack.directory in blocked[0]
    assert str(state / "shop" / "releases") in changed


def test_everything_of_an_earlier_version_is_moved(stack: Stack, state: Path, earlier: Path) -> None:
    private = (earlier / "config" / "keys" / "jwt_private.pem").stat().st_ino
    assert not StackHome(str(state)).is_there("shop")
    assert move(stack, state) == []
    assert provide(stack, state)[1] == []
    assert StackHome(str(state)).is_there("shop")
    assert (state / "shop" / "releases" / "r1" / "release.json").read_text() == "{}"
    assert (state / "shop" / "nginx" / "live" / "production.conf").read_text() == "live"
    assert (state / "shop" / "env" / "common").read_text() == "A='\u00e9'\n"
    assert (state / "shop" / "env" / "common").stat().st_mode & 0o777 == 0o600
    # The same file: running containers have it mounted, and the end of a grace period is written into it.
    assert (state / "shop" / "keys" / "jwt_private.pem").stat().st_ino == private
    # The engine of before finds everything in its old place.
    assert (earlier / "releases" / "r1" / "env" / "common").read_text() == "A='1'\n"
    assert (earlier / "config" / "keys" / "jwt_private.pem").read_text() == "private"
    assert move(stack, state) == []


def test_from_another_file_system(stack: Stack, state: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.rename

    def rename(source: str, target: str, **where: int) -> None:
        if where.get("src_dir_fd") != where.get("dst_dir_fd"):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        original(source, target, **where)

    monkeypatch.setattr(os, "rename", rename)
    (earlier / "releases" / "r1" / "env").chmod(0o700)
    assert move(stack, state) == []
    moved = state / "shop" / "releases" / "r1"
    assert (moved / "env" / "common").read_text() == "A='1'\n" and (moved / "env").stat().st_mode & 0o777 == 0o700
    assert not (earlier / "releases").exists()


@pytest.mark.parametrize(
    "plant",
    [
        lambda home: (home / "x").symlink_to("/etc"),
        lambda home: os.mkfifo(home / "r1" / "release.json.x"),
        lambda home: (home / "r1" / "release.json").chmod(0o666),
        lambda home: os.link(home / "r1" / "release.json", home / "r1" / "second"),
        lambda home: (home / "r1").chmod(0o777),
    ],
)
def test_what_root_did_not_write_is_set_aside(
    stack: Stack, state: Path, earlier: Path, plant: Callable[[Path], object]
) -> None:
    plant(earlier / "releases")
    [place] = move(stack, state)
    assert Path(place).parent == state / "shop" / "rejected" and (Path(place) / "r1").exists()
    assert not StackHome(str(state)).is_there("shop")
    assert (state / "shop" / "keys").is_dir(), "the rest is moved"
    provide(stack, state)
    assert list((state / "shop" / "releases").iterdir()) == []


def test_a_history_of_somebody_elses_is_set_aside(stack: Stack, state: Path, earlier: Path) -> None:
    """Root's own number is another one than that of whoever wrote this."""
    assert len(EarlierLayout(str(state), root=ME + 1).move(stack)) == 3


def test_a_directory_of_somebody_elses_is_not_touched(
    stack: Stack, state: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place was taken by a link into another stack's."""
    stranger = pwd.struct_passwd(("alice", "x", ME + 1, 1, "", "/", ""))
    monkeypatch.setattr(pwd, "getpwnam", lambda name: stranger)
    monkeypatch.setattr("release.adapters.earlier_layout.run_as", lambda user, work: "")
    with pytest.raises(OSError, match="does not belong to"):
        move(stack, state)
    assert (earlier / "releases" / "r1").is_dir() and not (earlier / "releases").is_symlink()


def test_a_move_that_was_interrupted_is_completed(stack: Stack, state: Path, earlier: Path) -> None:
    (state / "shop" / "releases.moving" / "r1").mkdir(parents=True)
    assert move(stack, state) == []
    assert (state / "shop" / "releases" / "r1" / "release.json").exists()
    assert not (state / "shop" / "releases.moving").exists()


def test_operations_are_refused_until_it_is_moved(stack: Stack, state: Path, tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "shop.json").write_text('{"directory": "/srv/shop"}')
    files = StackFiles(str(tmp_path / "stacks"), state=str(state))
    with pytest.raises(RefusedError, match="an earlier version kept it elsewhere"):
        files.load("shop")


def test_a_tree_is_removed_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "gone" / "inner").mkdir(parents=True)
    (tmp_path / "gone" / "inner" / "link").symlink_to(tmp_path / "kept")
    parent = os.open(tmp_path, trees.DIRECTORY)
    trees.remove_tree(parent, "gone")
    trees.remove_tree(parent, "never")
    os.close(parent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"] and (tmp_path / "kept" / "file").exists()
