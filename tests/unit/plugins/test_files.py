# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several files in one task: what is written, what is left alone, and that check mode says the same."""

from __future__ import annotations

import getpass
import grp
import os
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ask

OWN = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}


def file(path: Path | list[Path], content: str = "", mode: str = "0640", **more: Any) -> dict[str, Any]:
    paths = [str(one) for one in (path if isinstance(path, list) else [path])]
    return {"path": paths, "content": content, "mode": mode, **OWN, **more}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_all_kinds_in_their_order_and_then_nothing_to_do(ask: Ask, tmp_path: Path) -> None:
    home, gone = tmp_path / "a" / "b", tmp_path / "gone"
    (gone / "within").mkdir(parents=True)
    wanted = [
        {"path": [str(home)], "state": "directory", "mode": "2750", **OWN},
        file([home / "one", home / "two"], "same\n"),
        {"path": [str(tmp_path / "link")], "state": "link", "target": "a/b/one"},
        {"path": [str(gone), str(tmp_path / "never")], "state": "absent"},
    ]
    told = ask("files", check=True, files=wanted)
    assert told["changed"] and gone.is_dir() and not home.exists()
    done = ask("files", files=wanted)
    assert (
        done["paths"]
        == told["paths"]
        == [str(it) for it in (home, home / "one", home / "two", tmp_path / "link", gone)]
    )
    assert [(part["after_header"], part["before"], part["after"]) for part in done["diff"]] == [
        (part["after_header"], part["before"], part["after"]) for part in told["diff"]
    ]
    assert (home / "two").read_text() == (tmp_path / "link").read_text() == "same\n"
    assert (mode(home), mode(home.parent), mode(home / "one")) == (0o2750, 0o2750, 0o640)
    assert not gone.exists()
    again = ask("files", files=wanted)
    assert not again["changed"] and again["paths"] == [] and again["diff"] == []
    assert sorted(it.name for it in home.iterdir()) == ["one", "two"]


def test_only_content_or_only_mode(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "one"
    ask("files", files=[file(path, "old\n")])
    (part,) = ask("files", files=[file(path, "new\n")])["diff"]
    assert (part["before"], part["after"], path.read_text()) == ("old\n", "new\n", "new\n")
    for check in (True, False):
        answer = ask("files", check=check, files=[file(path, "new\n", "0600")])
        assert answer["paths"] == [str(path)] and answer["diff"][0]["after"]["mode"] == "0600"
    assert mode(path) == 0o600


def test_what_is_kept(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "map"
    assert ask("files", files=[file(path, "live none\n", keep=True)])["changed"]
    path.write_text("live blue\n")
    assert not ask("files", files=[file(path, "live none\n", keep=True)])["changed"]
    assert ask("files", files=[file(path, "live none\n", "0600", keep=True)])["changed"]
    assert path.read_text() == "live blue\n" and mode(path) == 0o600


def test_a_file_that_is_not_valid_replaces_nothing(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "of two words"
    ask("files", files=[file(path, "good\n", validate="grep good %s")])
    answer = ask("files", files=[file(path, "bad\n", validate="grep good %s"), file(tmp_path / "later")])
    assert answer["failed"] and f"{path} stays as it was" in answer["msg"] and answer["rc"] == 1
    assert path.read_text() == "good\n" and [it.name for it in tmp_path.iterdir()] == [path.name]
    answer = ask("files", files=[file(path, "bad\n", validate="true")])
    assert answer["failed"] and "must contain %s" in answer["msg"]
    assert [it.name for it in tmp_path.iterdir()] == [path.name]


def test_a_link_in_place_of_a_file_is_replaced_and_not_followed(ask: Ask, tmp_path: Path) -> None:
    outside, path = tmp_path / "outside", tmp_path / "one"
    outside.write_text("same\n")
    path.symlink_to(outside)
    assert ask("files", files=[file(path, "same\n")])["changed"]
    assert not path.is_symlink() and path.read_text() == "same\n" and mode(outside) != 0o640


@pytest.mark.parametrize(
    ("made", "wanted", "said"),
    [
        ("directory", {"mode": "0644", **OWN}, "is a directory"),
        ("file", {"state": "directory", "mode": "0755", **OWN}, "is no directory"),
        ("file", {"state": "link", "target": "other"}, "is no link"),
        ("", {"path": "missing/one", "mode": "0644", **OWN}, "No such file or directory"),
        ("", {}, "state is file but all of the following are missing: mode"),
    ],
)
def test_what_is_in_the_way(ask: Ask, tmp_path: Path, made: str, wanted: dict[str, Any], said: str) -> None:
    path = tmp_path / "thing"
    if made == "directory":
        path.mkdir()
    elif made:
        path.touch()
    answer = ask("files", files=[{**wanted, "path": [str(tmp_path / wanted.get("path", "thing"))]}])
    assert answer["failed"] and said in answer["msg"]


def test_all_that_match_are_removed_but_for_some(ask: Ask, tmp_path: Path) -> None:
    for name in ("a.conf", "b.conf", "c.other"):
        (tmp_path / name).touch()
    (tmp_path / "dangling.conf").symlink_to("nowhere")
    wanted = {"path": [str(tmp_path / "*.conf")], "state": "absent", "except": [str(tmp_path / "b.conf")]}
    told = ask("files", check=True, files=[wanted])["paths"]
    assert told == ask("files", files=[wanted])["paths"] == [str(tmp_path / "a.conf"), str(tmp_path / "dangling.conf")]
    assert sorted(it.name for it in tmp_path.iterdir()) == ["b.conf", "c.other"]
    assert not ask("files", files=[wanted])["changed"]
