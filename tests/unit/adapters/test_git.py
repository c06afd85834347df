# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The git adapter against real repositories."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.stacks import shop_definition
from support.commands import commands, git

from release.adapters.git import Git
from release.errors import OperationError
from release.stack.model import Stack
from release.stack.reader import read_stack


def test_git(stack: Stack, origin: Path) -> None:
    adapter = Git()
    assert adapter.problem(stack) == ""
    (origin / "api" / "main.py").write_text("print()\n")
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "-m", "two")
    git(origin, "tag", "v1")
    commit = git(origin, "rev-parse", "HEAD")
    assert adapter.resolve(stack, commit) is None, "not here before it was fetched"
    adapter.fetch(stack)
    assert {adapter.resolve(stack, version) for version in ("main", "v1", commit, commit[:9])} == {commit}
    assert adapter.resolve(stack, "nothing") is adapter.resolve(stack, "0123456789") is None
    first = git(origin, "rev-parse", "HEAD~1")
    assert adapter.tree(stack, commit, "api") != adapter.tree(stack, first, "api")
    assert adapter.tree(stack, commit, "api/Dockerfile") == adapter.tree(stack, first, "api/Dockerfile")
    assert adapter.tree(stack, commit, "front") is None
    assert adapter.tree(stack, commit, ".") != adapter.tree(stack, first, ".")
    assert adapter.read(stack, commit, ".dockerignore") == "config/\n" and adapter.read(stack, commit, "x") is None
    assert adapter.tracked(stack, commit, ["api", "config"]) == ["api/Dockerfile", "api/main.py"]
    adapter.checkout(stack, commit)
    assert (Path(stack.directory) / "api" / "main.py").exists()


def test_git_local_changes(stack: Stack) -> None:
    adapter, directory = Git(), Path(stack.directory)
    assert adapter.local_changes(stack) == []
    (directory / ".git" / "info" / "exclude").write_text("/config\n")
    (directory / "config").mkdir()
    (directory / "config" / ".env.common").touch()
    (directory / "api" / "Dockerfile").write_text("FROM other\n")
    (directory / "notes.txt").touch()
    assert adapter.local_changes(stack) == [" M api/Dockerfile", "?? notes.txt"]


def test_git_moved_tag_and_deleted_branch(stack: Stack, origin: Path) -> None:
    adapter = Git()
    git(origin, "branch", "gone")
    git(origin, "tag", "v1")
    adapter.fetch(stack)
    git(origin, "branch", "-D", "gone")
    git(origin, "commit", "--quiet", "--allow-empty", "-m", "two")
    git(origin, "tag", "--force", "v1")
    adapter.fetch(stack)
    assert adapter.resolve(stack, "gone") is None
    assert adapter.resolve(stack, "v1") == git(origin, "rev-parse", "HEAD")


def test_git_says_why(stack: Stack, origin: Path) -> None:
    adapter = Git()
    with pytest.raises(OperationError, match=r"git checkout failed.*Fix: on the host: sudo -u"):
        adapter.checkout(stack, "0" * 40)
    origin.rename(origin.with_name("moved"))
    with pytest.raises(OperationError, match="git fetch failed"):
        adapter.fetch(stack)
    git(Path(stack.directory), "remote", "remove", "origin")
    assert "no remote named origin" in adapter.problem(stack)


def test_no_checkout(stack: Stack, tmp_path: Path) -> None:
    other = read_stack("shop", {**shop_definition(), "directory": str(tmp_path)})
    assert Git().problem(other) == "is not a git checkout"


def test_git_that_hangs(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", git="exec sleep 20"))
    with pytest.raises(OperationError, match="did not finish"):
        Git()._need(stack, "fetch", seconds=0.1)


def test_git_sees_no_secret_of_ours(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", git=f"env >{tmp_path}/env"))
    monkeypatch.setenv("TOKEN", "secret-value")
    Git().fetch(stack)
    seen = (tmp_path / "env").read_text()
    assert "secret-value" not in seen and "GIT_TERMINAL_PROMPT=0" in seen
