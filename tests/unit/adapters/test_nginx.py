# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge's files, and an `nginx` that notes what it was asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import commands
from support.running_nginx import RunningNginx

from release.adapters.nginx import Nginx
from release.errors import OperationError
from release.stack.model import Stack


@pytest.fixture
def running(tmp_path: Path) -> RunningNginx:
    return RunningNginx(tmp_path)


@pytest.fixture
def nginx(tmp_path: Path, running: RunningNginx) -> Nginx:
    return Nginx(running.process, state=str(tmp_path / "state"), pending=str(tmp_path / "pending"))


@pytest.fixture
def routes(tmp_path: Path, stack: Stack) -> Path:
    live = tmp_path / "state" / stack.name / "nginx" / "live"
    live.mkdir(parents=True)
    return live / "staging.conf"


def test_edge(
    nginx: Nginx, stack: Stack, routes: Path, running: RunningNginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = running.reloads + f'echo "$@" >>{tmp_path}/called'
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", nginx=script))
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
    nginx: Nginx, stack: Stack, routes: Path, running: RunningNginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the file and the reload: the file says one thing, nginx does another."""
    routes.write_bytes(b"two")
    routes.with_name("staging.conf.pending").touch()
    script = running.reloads + f'echo "$@" >>{tmp_path}/called'
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", nginx=script))
    nginx.set_live(stack, "staging", b"two")
    assert (tmp_path / "called").read_text().endswith("-s reload\n")
    assert [path.name for path in routes.parent.iterdir()] == ["staging.conf"]


@pytest.fixture
def refusing(nginx: Nginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Nginx, Path]:
    """An nginx that takes no configuration, and the file of what it says to that."""
    script = f'[ "$1" = -t ] || cat {tmp_path}/said >>{tmp_path}/error.log'
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", nginx=script))
    return nginx, tmp_path / "said"


KEY = 'limit_conn_zone "a" uses the "$y" key while previously it used the "$x" key'
TAKEN = "bind() to 0.0.0.0:4400 failed (98: Address already in use)"


REFUSED, IGNORED = "nginx refused the routes of the release", "nginx did not take up the routes of the release"


@pytest.mark.parametrize(
    ("said", "what", "cause"),
    [
        ([KEY], REFUSED, KEY),
        ([TAKEN, TAKEN, "still could not bind()"], REFUSED, TAKEN),
        ([TAKEN], IGNORED, TAKEN),
        ([], IGNORED, "it started no new worker within 0.3 s"),
    ],
)
def test_a_reload_that_nginx_refuses(
    said: list[str], what: str, cause: str, *, refusing: tuple[Nginx, Path], stack: Stack, routes: Path
) -> None:
    """Its test takes the configuration and the signal is sent, but the running nginx goes on with what it had."""
    nginx, says = refusing
    lines = "".join(f"2026/11/26 15:49:25 [emerg] 1#1: {line}\n" for line in said)
    says.write_text(lines)
    routes.write_bytes(b"one")
    with pytest.raises(OperationError) as caught:
        nginx.set_live(stack, "staging", b"two")
    assert (caught.value.what, caught.value.cause) == (what, cause)
    assert caught.value.log == lines.splitlines(), "nothing of before"
    assert routes.read_bytes() == b"one", "as nginx goes on"
    assert [path.name for path in routes.parent.iterdir()] == ["staging.conf"]


def test_provisioning_tries_again_what_nginx_has_not_loaded(
    nginx: Nginx, running: RunningNginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", systemctl="true"))
    with pytest.raises(OperationError, match="nginx did not take up its configuration"):
        nginx.reload()
    assert (tmp_path / "pending").exists()
    # A new log meanwhile is shorter than the old one.
    script = running.reloads + f"echo '[notice] reloading' >{tmp_path}/error.log"
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", systemctl=script))
    nginx.reload()
    assert not (tmp_path / "pending").exists()


def test_the_error_pages_are_those_of_a_release(nginx: Nginx, stack: Stack, tmp_path: Path) -> None:
    link = tmp_path / "state" / stack.name / "nginx" / "pages" / "staging"
    nginx.set_pages(stack, "staging", "")
    assert not link.is_symlink()
    for release in ("one", "two", "two"):
        nginx.set_pages(stack, "staging", release)
        assert link.readlink() == tmp_path / "state" / stack.name / "releases" / release / "pages"
    # Left by a kill.
    (link.parent / ".staging").symlink_to("nowhere")
    nginx.set_pages(stack, "staging", "one")
    assert link.readlink().parent.name == "one" and [path.name for path in link.parent.iterdir()] == ["staging"]
    nginx.set_pages(stack, "staging", "")
    assert not link.is_symlink()
