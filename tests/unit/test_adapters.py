# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smaller adapters against the real thing: HTTP, git, files of nginx, systemd's command."""

from __future__ import annotations

import getpass
import http.server
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.fakes import shop_definition

from release.adapters.git import Git
from release.adapters.http_probe import Probe
from release.adapters.nginx import Edge
from release.adapters.systemd_timers import Timer
from release.errors import OperationError
from release.stack.model import Stack
from release.stack.reader import read_stack


def commands(folder: Path, **scripts: str) -> str:
    """A search path with these commands in front."""
    folder.mkdir(exist_ok=True)
    for name, script in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


# Probe


class Web(http.server.BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        if self.path == "/cut":
            self.wfile.write(b"nonsense\r\n\r\n")
            return
        if self.path == "/slow":
            threading.Event().wait(0.5)
            return
        self.send_response(503 if self.path == "/sick" else 200)
        self.send_header("X-Release", f"of {self.headers['Host']}")
        self.end_headers()
        self.wfile.write(b"two\n  words" + b"x" * 1000)

    def log_message(self, format: str, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_probe(port: int) -> None:
    answer = Probe().edge(port, "shop.example", "/")
    assert (answer.status, answer.release) == (200, "of shop.example")
    assert answer.body.startswith("two words") and len(answer.body) <= 300
    sick = Probe().health(port, "/sick")
    assert (sick.status, sick.release) == (503, "of localhost") and str(sick).startswith("HTTP 503 two words")


@pytest.mark.parametrize("path", ["/cut", "/slow"])
def test_probe_without_an_answer(port: int, path: str) -> None:
    answer = Probe(0.2).health(port, path)
    assert answer.status == 0 and str(answer).startswith(f"no answer on port {port}: ")


def test_probe_where_nothing_listens() -> None:
    assert "refused" in Probe().health(1, "/").error


# Git


def git(directory: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.invalid"]
    done = subprocess.run(
        ["git", "-C", str(directory), *identity, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


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
    return read_stack("shop", {**shop_definition(), "directory": str(tmp_path / "shop"), "owner": getpass.getuser()})


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
    with pytest.raises(OperationError, match=r"git checkout failed.*Fix: sudo -u"):
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


# Edge


@pytest.fixture
def routes(tmp_path: Path, stack: Stack) -> Path:
    live = Path(stack.directory, "nginx", "live")
    live.mkdir(parents=True)
    return live / "staging.conf"


def test_edge(stack: Stack, routes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", nginx=f'echo "$@" >>{tmp_path}/called'))
    edge, called = Edge(), tmp_path / "called"
    assert edge.wanted(stack, "staging") is edge.live(stack, "staging") is None
    (routes.parent.parent / "staging.conf").write_bytes(b"one")
    assert edge.wanted(stack, "staging") == b"one"
    edge.set_live(stack, "staging", b"one")
    assert edge.live(stack, "staging") == b"one" and called.read_text() == "-t -q\n-s reload\n"
    edge.set_live(stack, "staging", b"one")
    assert called.read_text() == "-t -q\n-s reload\n", "the same routes: nginx is left alone"
    assert [path.name for path in routes.parent.iterdir()] == ["staging.conf"]


def test_edge_refuses(stack: Stack, routes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", nginx="echo 'nginx: [emerg] bad' >&2; exit 1"))
    with pytest.raises(OperationError, match="bad"):
        Edge().set_live(stack, "staging", b"two")
    routes.write_bytes(b"one")
    with pytest.raises(OperationError, match="nginx refused the routes"):
        Edge().set_live(stack, "staging", b"two")
    assert routes.read_bytes() == b"one"


def test_edge_makes_up_for_a_reload_that_did_not_happen(
    stack: Stack, routes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the file and the reload: the file says one thing, nginx does another."""
    script = f'[ "$1" = -t ] || [ -e {tmp_path}/alive ] || exit 1; echo "$@" >>{tmp_path}/called'
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", nginx=script))
    with pytest.raises(OperationError):
        Edge().set_live(stack, "staging", b"two")
    (tmp_path / "alive").touch()
    Edge().set_live(stack, "staging", b"two")
    assert (tmp_path / "called").read_text().endswith("-s reload\n")


# Timer


def test_timer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = f'echo "$(basename "$0") $*" >>{tmp_path}/called'
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", systemctl=f"{note}; exit 5", systemd_run=note))
    Timer().arm("shop", "production", 0.2)
    stop, run = (tmp_path / "called").read_text().splitlines()
    assert stop == "systemctl stop onehost-cool-shop-production:*.timer"
    assert re.match(r"systemd-run --unit=onehost-cool-shop-production:\d+ --collect --on-active=1s", run)
    assert run.endswith("/usr/local/bin/onehost cool --stack shop")
    # What the first one started may still be at work under its name.
    Timer().arm("shop", "production", 0.2)
    again = (tmp_path / "called").read_text().splitlines()[-1]
    assert again.split()[1] != run.split()[1]


def test_timer_of_the_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = f'echo "$(basename "$0") $*" >>{tmp_path}/called'
    monkeypatch.setenv("PATH", commands(tmp_path / "bin", systemctl=note, systemd_run=note))
    Timer().arm_overlap("shop", 90.2)
    Timer().disarm_overlap("shop")
    stop, run, last = (tmp_path / "called").read_text().splitlines()
    assert stop == last == "systemctl stop onehost-end-overlap-shop:*.timer"
    assert "--on-active=91s --on-unit-inactive=60s" in run, "not before its time, and again when it failed"
    assert run.endswith("/usr/local/bin/onehost end-overlap --stack shop")


def test_timer_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = commands(tmp_path / "bin", systemctl="exit 0", systemd_run="echo no bus >&2; exit 1")
    monkeypatch.setenv("PATH", path)
    with pytest.raises(OperationError, match="no bus"):
        Timer().arm("shop", "production", 60)
    assert os.environ["PATH"] == path
