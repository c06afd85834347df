# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key pair in a directory, made by the real openssl."""

from __future__ import annotations

import getpass
import grp
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import Ask

NAMES = ["jwt_private.pem", "jwt_public.pem", "jwt_public_previous.pem"]


@pytest.fixture
def wanted(tmp_path: Path) -> dict[str, Any]:
    group = grp.getgrgid(os.getgid()).gr_name
    return {"directory": str(tmp_path / "keys"), "user": os.getuid(), "owner": getpass.getuser(), "group": group}


def public_of(private: Path) -> str:
    done = subprocess.run(["openssl", "pkey", "-in", private, "-pubout"], capture_output=True, text=True, check=True)
    return done.stdout


def keys(place: Path) -> dict[str, str]:
    return {name: (place / "keys" / name).read_text() for name in NAMES}


def modes(place: Path) -> list[int]:
    return [(place / "keys" / name).stat().st_mode & 0o777 for name in (".", *NAMES)]


def test_a_pair_is_made_once(ask: Ask, wanted: dict[str, Any], tmp_path: Path) -> None:
    told = ask("key_pair", check=True, **wanted)
    assert told["files"] == [".", *NAMES] and not (tmp_path / "keys").exists()
    assert ask("key_pair", **wanted)["files"] == told["files"]
    made = keys(tmp_path)
    assert made[NAMES[1]] == made[NAMES[2]] == public_of(tmp_path / "keys" / NAMES[0])
    assert modes(tmp_path) == [0o711, 0o600, 0o644, 0o644]
    assert sorted(it.name for it in (tmp_path / "keys").iterdir()) == NAMES
    assert not ask("key_pair", **wanted)["changed"] and keys(tmp_path) == made


def test_a_given_pair(ask: Ask, wanted: dict[str, Any], tmp_path: Path) -> None:
    ask("key_pair", **{**wanted, "directory": str(tmp_path / "other")})
    given = (tmp_path / "other" / NAMES[0]).read_text()
    answer = ask("key_pair", **wanted, private_key=f"\n{given}  \n", public_key="given\n\n")
    assert answer["changed"] and given.strip() not in str(answer)
    assert keys(tmp_path) == {NAMES[0]: given, NAMES[1]: "given\n", NAMES[2]: "given\n"}
    assert not ask("key_pair", **wanted, private_key="another")["changed"]
    assert keys(tmp_path)[NAMES[0]] == given


@pytest.mark.parametrize("check", [False, True])
def test_a_public_key_without_its_private_key(ask: Ask, wanted: dict[str, Any], tmp_path: Path, check: bool) -> None:
    ask("key_pair", **wanted)
    (tmp_path / "keys" / NAMES[0]).unlink()
    answer = ask("key_pair", check=check, **wanted)
    assert answer["failed"] and "would not match it. Fix: restore" in answer["msg"]
    assert ask("key_pair", check=check, **wanted, private_key="given")["files"] == [NAMES[0]]


@pytest.mark.parametrize("check", [False, True])
def test_modes_are_corrected(ask: Ask, wanted: dict[str, Any], tmp_path: Path, check: bool) -> None:
    ask("key_pair", **wanted)
    made = keys(tmp_path)
    (tmp_path / "keys" / NAMES[0]).chmod(0o644)
    assert ask("key_pair", check=check, **wanted)["files"] == [NAMES[0]]
    assert modes(tmp_path)[1] == (0o644 if check else 0o600) and keys(tmp_path) == made


def test_a_parent_that_is_not_there(ask: Ask, wanted: dict[str, Any], tmp_path: Path) -> None:
    answer = ask("key_pair", **{**wanted, "directory": str(tmp_path / "no" / "keys")})
    assert answer["failed"] and answer["msg"].endswith("no/keys: No such file or directory")


def test_a_private_key_that_is_none(ask: Ask, wanted: dict[str, Any]) -> None:
    answer = ask("key_pair", **wanted, private_key="no key")
    assert answer["failed"] and "openssl failed" in answer["msg"] and "no key" not in answer["msg"]
