# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key rotation, killed at any step."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest

from release.errors import RefusedError
from release.operations import key_rotation

HOUR = 3600.0
USER = os.getuid()


class Killed(BaseException):
    """The process is gone."""


class Keys:
    """Makes pairs that can be told apart and matched: private-1 belongs to public-1."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    def __call__(self, arguments: list[str], data: bytes) -> bytes:
        return b"private-%d" % next(self.numbers) if arguments[0] == "genpkey" else data.replace(b"private", b"public")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    for name, text in (
        ("jwt_private.pem", "private-0"),
        ("jwt_public.pem", "public-0"),
        ("jwt_public_previous.pem", "public-0"),
    ):
        (tmp_path / name).write_text(text)
    return tmp_path


def pair(directory: Path) -> tuple[str, str, str]:
    private, public, previous = (
        (directory / name).read_text() for name in ("jwt_private.pem", "jwt_public.pem", "jwt_public_previous.pem")
    )
    return private, public, previous


def test_both_public_keys_are_valid_after_a_rotation(keys: Path) -> None:
    note = key_rotation.rotate(str(keys), USER, 1000.0, 24 * HOUR, Keys())
    assert pair(keys) == ("private-1", "public-1", "public-0")
    assert note["until"] == 1000.0 + 24 * HOUR
    assert (keys / "jwt_private.pem").stat().st_mode & 0o777 == 0o600
    assert (keys / "jwt_public_previous.pem").stat().st_mode & 0o777 == 0o644


def test_no_second_rotation_during_the_first(keys: Path) -> None:
    key_rotation.rotate(str(keys), USER, 1000.0, HOUR, Keys())
    with pytest.raises(RefusedError, match="state=finished"):
        key_rotation.rotate(str(keys), USER, 1001.0, HOUR, Keys())


def test_the_end_of_the_grace_period(keys: Path) -> None:
    key_rotation.rotate(str(keys), USER, 1000.0, HOUR, Keys())
    inode = (keys / "jwt_public_previous.pem").stat().st_ino
    assert key_rotation.finish(str(keys), 1001.0 + HOUR)
    assert pair(keys) == ("private-1", "public-1", "public-1")
    assert (keys / "jwt_public_previous.pem").stat().st_ino == inode, "running containers hold this very file"
    assert not key_rotation.finish(str(keys), 1002.0 + HOUR)
    assert key_rotation.rotate(str(keys), USER, 9000.0, HOUR, Keys())["since"] == 9000.0


@pytest.mark.parametrize("step", range(1, 6))
def test_killed_at_any_step(keys: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Whatever was reached, the next call leaves a whole pair, and the key of before is still the old one."""
    count = itertools.count(1)
    real = os.replace

    def replace(old: str, new: str) -> None:
        if next(count) == step:
            raise Killed
        real(old, new)

    monkeypatch.setattr(os, "replace", replace)
    make = Keys()
    with pytest.raises(Killed):
        key_rotation.rotate(str(keys), USER, 1000.0, HOUR, make)
    monkeypatch.setattr(os, "replace", real)
    key_rotation.rotate(str(keys), USER, 1000.0, HOUR, make)
    private, public, previous = pair(keys)
    assert private.replace("private", "public") == public != "public-0"
    assert previous == "public-0"


def test_a_rotation_that_is_half_done_cannot_be_ended(keys: Path) -> None:
    (keys / "rotation.json").write_text(json.dumps({"since": 0, "until": 1, "half": True}))
    with pytest.raises(RefusedError, match="interrupted"):
        key_rotation.finish(str(keys), 5.0)


def test_openssl_makes_a_pair() -> None:
    private, public = key_rotation.new_pair()
    assert private.startswith(b"-----BEGIN PRIVATE KEY") and public.startswith(b"-----BEGIN PUBLIC KEY")
