# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`onehost logs`: whose lines are shown, in which shape, and how it ends."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.logs import FakeLogs
from fakes.world import World

from release.adapters.stack_files import StackFiles
from release.entrypoints import bootstrap, cli
from release.releases.logs import Line, Source

SECOND = 1_000_000_000
API = Source("a" * 20, "shop", "production", "app", "api", "20260101T000000Z-production-abcdef1")
TEXT = b'{"level":"error","at":"\x1b[2J"}'


@pytest.fixture
def written(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeLogs:
    """The faked host, whose user `ann` may do everything, and `shop` nothing but what is theirs."""
    folder = tmp_path / "stacks"
    folder.mkdir()
    (tmp_path / "shop" / "releases").mkdir(parents=True)
    (folder / "shop.json").write_text(json.dumps(world.stack.to_mapping(with_env=False)))
    logs = FakeLogs()
    logs.write(API)
    logs.written[API.id] = [Line(SECOND, "stdout", TEXT), Line(2 * SECOND, "stdout", b"second")]
    stacks = StackFiles(str(folder), state=str(tmp_path))
    world.host = dataclasses.replace(world.host, stacks=stacks, logs=logs)
    monkeypatch.setattr(bootstrap, "this_host", lambda: world.host)
    monkeypatch.setattr(cli.os, "geteuid", lambda: 0)
    monkeypatch.setattr(cli.access, "may_become_root", lambda name: name == "ann")
    monkeypatch.setenv("SUDO_USER", "ann")
    return logs


@pytest.fixture
def onehost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, bytes, str]]:
    """The command with its output in a pipe."""

    def call(*words: str) -> tuple[int, bytes, str]:
        read, write = os.pipe()
        with monkeypatch.context() as changed, os.fdopen(write, "wb") as stream:
            changed.setattr(sys, "stdout", io.TextIOWrapper(stream))
            code = cli.main(["logs", *words])
            sys.stdout.flush()
        with os.fdopen(read, "rb") as output:
            return code, output.read(), capsys.readouterr().err

    return call


def test_shapes(onehost: Callable[..., tuple[int, bytes, str]], written: FakeLogs) -> None:
    code, out, _ = onehost("api", "-n", "1", "--environment", "production")
    assert (code, out) == (0, b"1970-01-01T00:00:02.000Z production api abcdef1 | second\n")
    assert onehost("--raw", "--grep", "level")[1] == TEXT + b"\n"
    assert [json.loads(line)["line"] for line in onehost("--json")[1].splitlines()] == [TEXT.decode(), "second"]
    assert onehost("--since", "1970-01-01T00:00:02", "--raw")[1] == b"second\n"


def test_what_is_refused(onehost: Callable[..., tuple[int, bytes, str]], written: FakeLogs) -> None:
    code, out, err = onehost("apo", "--since", "yesterday", "-n", "many")
    assert (code, out) == (1, b"") and err.count("problem: ") == 2
    code, _, err = onehost("apo", "--release", "r9")
    assert code == 1 and "app apo: is not known" in err and "sudo onehost status --stack shop" in err


def test_whose_stack_it_is_not(
    onehost: Callable[..., tuple[int, bytes, str]], written: FakeLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "mallory")
    for words in ([], ["--stack", "shop"], ["api", "-f"]):
        code, out, err = onehost(*words)
        assert (code, out) == (1, b"") and "may not act on shop" in err
    assert written.opened == []


def test_a_closed_pipe_ends_it(
    written: FakeLogs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also while nothing is written."""
    for words in (["-f"], ["-f", "--grep", "nothing"], []):
        read, write = os.pipe()
        os.close(read)
        with monkeypatch.context() as changed, os.fdopen(write, "wb") as stream:
            changed.setattr(sys, "stdout", io.TextIOWrapper(stream))
            assert cli.main(["logs", *words]) == 0
    assert capsys.readouterr().err == ""


def test_ctrl_c(
    onehost: Callable[..., tuple[int, bytes, str]], written: FakeLogs, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(world.clock, "wait", interrupted)
    code, out, err = onehost("-f", "--raw")
    assert (code, out, err) == (130, TEXT + b"\nsecond\n", "")
