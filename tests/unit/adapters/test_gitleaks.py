# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gitleaks itself: its version, and what it says when it fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fakes.gitleaks import install
from fakes.images import Exported, Images
from fakes.world import World

from release.adapters.gitleaks import Gitleaks
from release.errors import OperationError
from release.operations import pattern_scan


def on(world: World, scanner: Gitleaks, docker: Exported, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(world.docker, "export", docker.export, raising=False)
    object.__setattr__(world.host, "scanner", scanner)
    return world


def search(world: World) -> tuple[list[str], str]:
    return pattern_scan.search_new(world.host, world.stack, ["sha256:1"])


def test_a_gitleaks_that_does_not_know_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Debian's: what was searched by it is not searched again, until it is another one or has other rules."""
    says = "#!/bin/sh\necho version is set by build process\n"
    scanner = install(tmp_path / "bin", says, monkeypatch)
    first = scanner.version()
    assert first == scanner.version() and first.startswith("gitleaks of 20")
    os.utime(tmp_path / "bin" / "gitleaks", (5, 5))
    assert scanner.version() == "gitleaks of 1970-01-01 00:00:05"
    (tmp_path / "bin" / "none.toml").touch()
    assert "none.toml of 20" in scanner.version()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("#!/bin/sh\n[ $1 = version ] && echo 8.1 && exit\necho no such rule >&2; exit 1\n", "no such rule"),
        ("#!/bin/sh\n[ $1 = version ] && echo 8.1 && exit\nexit 0\n", "report"),
        ("#!/bin/sh\n[ $1 = version ] && echo 8.1 && exit\nsleep 30\n", "timed out"),
        ("#!/no/such/program\n", "cannot be run"),
    ],
)
def test_a_gitleaks_that_fails_has_searched_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    scanner = install(tmp_path / "bin", text, monkeypatch)
    scanner.seconds = 0.5
    on(world, scanner, Images({"app/x": b""}), monkeypatch)
    with pytest.raises(OperationError, match=problem):
        search(world)
