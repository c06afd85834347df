# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge's files, and an `nginx` that notes what it was asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import commands

from release.adapters.nginx import Nginx
from release.errors import OperationError
from release.stack.model import Stack


@pytest.fixture
def nginx(tmp_path: Path) -> Nginx:
    return Nginx(state=str(tmp_path / "state"))


@pytest.fixture
def routes(tmp_path: Path, stack: Stack) -> Path:
    live = tmp_path / "state" / stack.name / "nginx" / "live"
    live.mkdir(parents=True)
    return live / "staging.conf"


def test_edge(nginx: Nginx, stack: Stack, routes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", nginx=f'echo "$@" >>{tmp_path}/called'))
    edge, called = nginx, tmp_path / "called"
    assert edge.wanted(stack, "staging") is edge.live(stack, "staging") is None
    (routes.parent.parent / "staging.conf").write_bytes(b"one")
    assert edge.wanted(stack, "staging") == b"one"
    edge.set_live(stack, "staging", b"one")
    assert edge.live(stack, "staging") == b"one" and called.read_text() == "-t -q\n-s reload\n"
    edge.set_live(stack, "staging", b"one")
    assert called.read_text() == "-t -q\n-s reload\n", "the same routes: nginx is left alone"
    assert [path.name for path in routes.parent.iterdir()] == ["staging.conf"]


def test_edge_refuses(
    nginx: Nginx, stack: Stack, routes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", nginx="echo 'nginx: [emerg] bad' >&2; exit 1"))
    with pytest.raises(OperationError, match="bad"):
        nginx.set_live(stack, "staging", b"two")
    routes.write_bytes(b"one")
    with pytest.raises(OperationError, match="nginx refused the routes"):
        nginx.set_live(stack, "staging", b"two")
    assert routes.read_bytes() == b"one"


def test_edge_makes_up_for_a_reload_that_did_not_happen(
    nginx: Nginx, stack: Stack, routes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the file and the reload: the file says one thing, nginx does another."""
    script = f'[ "$1" = -t ] || [ -e {tmp_path}/alive ] || exit 1; echo "$@" >>{tmp_path}/called'
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", nginx=script))
    with pytest.raises(OperationError):
        nginx.set_live(stack, "staging", b"two")
    (tmp_path / "alive").touch()
    nginx.set_live(stack, "staging", b"two")
    assert (tmp_path / "called").read_text().endswith("-s reload\n")
