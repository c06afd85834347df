# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What adapters find here: no systemd that runs the host, a repository, and a stack that is its clone."""

from __future__ import annotations

import dataclasses
import getpass
from pathlib import Path

import pytest
from fakes.stacks import shop_definition
from support.commands import git

from release.adapters import gently, postgresql
from release.adapters.git import Git
from release.stack.model import Stack
from release.stack.reader import read_stack


@pytest.fixture(autouse=True)
def not_booted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """So that no test makes a scope on a developer's own machine."""
    path = tmp_path / "booted"
    monkeypatch.setattr(gently, "BOOTED", str(path))
    return path


@pytest.fixture(autouse=True)
def programs_of_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """So that no test asks a PostgreSQL of a developer's own machine."""
    path = tmp_path / "postgresql"
    monkeypatch.setattr(postgresql, "PROGRAMS", str(path))
    return path


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    path = tmp_path / "origin"
    (path / "api").mkdir(parents=True)
    git(path, "init", "--quiet", "--initial-branch=main")
    (path / "api" / "Dockerfile").write_text("FROM scratch\n")
    (path / ".dockerignore").write_text("config/\n")
    git(path, "add", ".")
    git(path, "commit", "--quiet", "-m", "one")
    return path


@pytest.fixture
def stack(tmp_path: Path, origin: Path) -> Stack:
    git(tmp_path, "clone", "--quiet", str(origin), "shop")
    stack = read_stack("shop", {**shop_definition(), "directory": str(tmp_path / "shop")})
    # Whoever runs the tests, which may be root.
    return dataclasses.replace(stack, owner=getpass.getuser())


@pytest.fixture
def adapter(tmp_path: Path) -> Git:
    return Git(state=str(tmp_path / "state"))
