# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command on the host, and how it finds its stacks."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.fakes import HEALTHY, World

from release import command, operation, provisioned
from release.errors import OperationFailed, Refused
from release.seam import Host
from release.stack import Stack

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "stacks"
    folder.mkdir()
    for function in (provisioned.known_stacks, provisioned.choose_stack, provisioned.load_stack):
        defaults = tuple(str(folder) if value == provisioned.STACKS else value for value in function.__defaults__ or ())
        monkeypatch.setattr(function, "__defaults__", defaults)
    return folder


@pytest.fixture
def onehost(world: World, stacks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command, on the faked host, as root."""
    (stacks / "shop.json").write_text(json.dumps(world.stack.to_mapping(with_env=False)))
    monkeypatch.setattr(command, "this_host", lambda: world.host)
    monkeypatch.setattr(command, "Places", lambda: world.places)
    monkeypatch.setattr(command.os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "ann")

    def run(host: Host, stack: Stack, request: Any, *, check: bool) -> operation.Report:
        assert (request.person, stack.name) == ("ann", "shop")
        options = {
            key: value for key, value in vars(request).items() if key in ("apps", "version", "release", "reason")
        }
        options |= {
            "skip_gates": request.skip_gates,
            "secrets": request.secrets,
            "watch_seconds": request.watch_seconds,
        }
        report = world.run(request.operation, check=check, **options)
        assert report is not None
        return report

    monkeypatch.setattr(command, "run", run)
    monkeypatch.setattr("release.status.Places", lambda: world.places)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = command.main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_the_whole_way(onehost: Run, world: World) -> None:
    assert onehost("deploy", "--check")[1].startswith("deploy shop staging: would deploy")
    code, out, _ = onehost("deploy", "--reason", "first", "--version", "main")
    assert code == 0 and "live now: " in out
    assert onehost("promote", "--skip-gates", "disk_free, journal_clean")[0] == 0
    world.clock.time += 5
    world.commit({"api": HEALTHY})
    assert onehost("deploy", "--apps", "api,front", "--rebuild")[0] == 0
    assert onehost("promote")[0] == 0
    code, out, _ = onehost("status")
    assert code == 0 and "rollback would go to" in out
    assert onehost("rollback", "--secrets", "release")[0] == 0
    code, out, _ = onehost("status", "--json", "--stack", "shop")
    assert code == 0 and json.loads(out)[0]["stack"] == "shop"


def test_refused_and_failed(onehost: Run, world: World) -> None:
    code, out, _ = onehost("promote")
    assert code == 1 and "problem: stack shop: nothing is live in staging" in out
    code, _, err = onehost("promote", "--stack", "other")
    assert code == 1 and "choose from shop" in err


def test_recover_and_cool(onehost: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    world.good("promote", warm_seconds=60)
    world.faults.kill_at(12)
    world.commit({"api": HEALTHY})
    world.run("deploy")
    world.revive()
    code, out, _ = onehost("recover")
    assert code == 0 and "was interrupted at" in out
    assert onehost("cool") == (0, "", "")
    world.clock.time += 61
    code, out, _ = onehost("cool", "--stack", "shop")
    assert code == 0 and "is no longer kept warm" in out

    def fail(*arguments: Any) -> str:
        raise OperationFailed("Docker does not answer", "docker.sock", "no")

    monkeypatch.setattr(command, "recover", fail)
    world.faults.kill_at(12)
    world.commit({"api": HEALTHY})
    world.run("deploy")
    world.revive()
    code, _, err = onehost("recover")
    assert code == 1 and err.startswith("failed: docker.sock: Docker does not answer: no")


def test_only_root(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command.os, "geteuid", lambda: 1000)
    assert command.main(["status"]) == 1
    assert "sudo onehost status" in capsys.readouterr().err


def test_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["onehost", "--help"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("release", run_name="__main__")
    assert caught.value.code == 0 and "Deploy, promote and roll back" in capsys.readouterr().out


def test_which_stack(stacks: Path, world: World) -> None:
    with pytest.raises(Refused, match="no stack was provisioned on this host"):
        provisioned.choose_stack("")
    (stacks / "shop.json").write_text(json.dumps(world.stack.to_mapping(with_env=False)))
    (stacks / "notes.txt").touch()
    assert provisioned.choose_stack("") == provisioned.choose_stack("shop") == "shop"
    assert provisioned.load_stack("shop").apps == world.stack.apps
    (stacks / "blog.json").write_text("{}")
    with pytest.raises(Refused, match="there are several stacks"):
        provisioned.choose_stack("")
    with pytest.raises(Refused, match="'other' was not provisioned"):
        provisioned.choose_stack("other")
    assert provisioned.known_stacks(str(stacks / "nowhere")) == []


def test_the_real_host_and_its_clock() -> None:
    clock = provisioned.this_host().clock
    begun = clock.monotonic()
    clock.wait(0.001)
    assert clock.monotonic() > begun and clock.now() > 1_700_000_000


def test_names_of_journals(world: World) -> None:
    path = operation.new_journal_path(world.stack, world.request("promote"), world.places)
    assert "-production-promote-" in path and path.endswith(".jsonl") and path.startswith(world.places.state)
