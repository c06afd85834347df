# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command on the host, and how it finds its stacks."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import signal
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.docker import HEALTHY
from fakes.stacks import (
    host_with_backups,
    host_with_services,
    shop_definition,
    shop_with_backups,
    shop_with_endpoints,
    shop_with_jobs,
    shop_with_services,
)
from fakes.world import World

from release.adapters.stack_files import StackFiles
from release.entrypoints import bootstrap, cli, commands
from release.entrypoints.commands import jobs as jobs_command
from release.entrypoints.commands import operate
from release.entrypoints.commands import recover as recover_command
from release.entrypoints.commands import status as status_command
from release.errors import OperationError, RefusedError
from release.ports import Host
from release.releases.backups import Places
from release.releases.endpoints import Came
from release.releases.report import OperationReport
from release.releases.status import RollbackPreview, StatusReport
from release.stack.model import Stack
from release.stack.reader import read_stack
from release.verbs import TABLE

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    folder = tmp_path / "stacks"
    folder.mkdir()
    (tmp_path / "shop" / "releases").mkdir(parents=True)
    return folder


@pytest.fixture
def onehost(world: World, stacks: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command, on the faked host, as root."""
    (stacks / "shop.json").write_text(json.dumps(world.stack.to_mapping(with_env=False)))
    world.host = dataclasses.replace(world.host, stacks=StackFiles(str(stacks), state=str(stacks.parent)))
    monkeypatch.setattr(bootstrap, "this_host", lambda: world.host)
    monkeypatch.setattr(cli.os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "ann")
    monkeypatch.setattr(cli.access, "may_become_root", lambda name: name == "ann")

    def run(host: Host, stack: Stack, request: Any, *, check: bool) -> OperationReport:
        assert (request.person, stack.name) == ("ann", "shop")
        options = {
            key: value for key, value in vars(request).items() if key in ("apps", "version", "release", "reason")
        }
        options |= {
            "skip_gates": request.skip_gates,
            "secrets": request.secrets,
            "watch_seconds": request.watch_seconds,
            "warm_seconds": request.warm_seconds,
        }
        report = world.run(request.operation, check=check, **options)
        assert report is not None
        return report

    monkeypatch.setattr(operate, "run_operation", run)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(list(arguments))
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


def test_drift(onehost: Run, world: World, stacks: Path) -> None:
    code, _, err = onehost("drift")
    assert code == 1 and "add `drift: {}`" in err
    world.stack = read_stack("shop", {**shop_definition(), "drift": {}})
    (stacks / "shop.json").write_text(json.dumps(world.stack.to_mapping(with_env=False)))
    code, out, _ = onehost("drift")
    assert code == 0 and "nothing new, 0 known" in out
    world.git.others = {"a.md": "see https://other.shop.app"}
    code, out, _ = onehost("drift", "--stack", "shop", "--version", "main")
    assert code == 1 and "a.md:1: https://other.shop.app is neither canonical nor allowed" in out
    code, out, _ = onehost("drift", "--json")
    assert code == 1 and json.loads(out)[0]["findings"][0]["file"] == "a.md"
    code, out, _ = onehost("drift", "--new-baseline")
    assert code == 0
    world.git.others["drift-baseline.json"] = out.replace('"reason": ""', '"reason": "history"')
    code, out, _ = onehost("drift")
    assert code == 0 and "nothing new, 1 known" in out


def test_services(onehost: Run, world: World, stacks: Path) -> None:
    world.stack = read_stack("shop", shop_with_services())
    (stacks / "shop.json").write_text(json.dumps(world.stack.to_mapping(with_env=False)))
    host_with_services(world)
    assert "would create redis" in onehost("services", "--check")[1]
    code, _, err = onehost("services")
    assert code == 1 and "where: is not given" in err and "--environment <which>" in err
    code, out, _ = onehost("services", "--environment", "staging", "--reason", "first")
    assert code == 0 and out.splitlines() == ["staging: create redis: done", "staging: create search: done"]
    world.docker.sick_services = {"redis"}
    code, out, err = onehost("services", "--environment", "production")
    assert code == 1 and "redis says something" in out and "it was removed again" in err
    assert "services of staging: redis healthy, search healthy" not in onehost("status")[1]
    world.docker.sick_services = set()
    assert "services of staging: redis healthy, search healthy" in onehost("status")[1]


@pytest.fixture
def with_jobs(world: World, stacks: Path, onehost: Run) -> Run:
    """The command on a host whose stack has jobs; a release is live in both environments."""
    world.stack = read_stack("shop", shop_with_jobs())
    (stacks / "shop.json").write_text(json.dumps(world.stack.to_mapping(with_env=False)))
    world.commit(dict.fromkeys(world.stack.apps, HEALTHY))
    world.ship()
    return onehost


def test_jobs_are_listed(with_jobs: Run, world: World) -> None:
    code, out, _ = with_jobs("jobs")
    assert code == 0 and "job of shop staging" in out and "Mon..Fri 06:00 Asia/Seoul" in out
    code, out, _ = with_jobs("jobs", "--environment", "production", "--json")
    [found] = json.loads(out)
    assert found["stack"] == "shop" and list(found["jobs"]) == ["production"]
    assert found["jobs"]["production"]["migrate"]["outcome"] == "succeeded"
    assert "jobs of production: 4, the next runs 20" in with_jobs("status")[1]


def test_a_job_is_run_and_its_history_shown(with_jobs: Run, world: World) -> None:
    code, out, _ = with_jobs("jobs", "--environment", "production", "--run", "digest", "--reason", "again")
    assert code == 0 and out.startswith("digest of shop production succeeded after 1")
    assert "   digest printed something" in out
    assert "would run digest of 20" in with_jobs("jobs", "--environment", "production", "--run", "digest", "--check")[1]
    world.one_off.ends["digest"] = (1.0, 9)
    code, out, _ = with_jobs("jobs", "--environment", "production", "--run", "digest")
    assert code == 1 and "exit code 9" in out
    code, out, _ = with_jobs("jobs", "--environment", "production", "--history", "digest")
    assert code == 0 and [line.split()[2] for line in out.splitlines()[1:3]] == ["failed", "succeeded"]
    assert "person, ann" in out and "again" in out
    assert "production digest: failed in 1" in with_jobs("status")[1]


def test_a_job_is_suspended_and_resumed(with_jobs: Run) -> None:
    def onehost(*words: str) -> str:
        code, out, err = with_jobs("jobs", "--environment", "production", *words)
        assert code == 0, err
        return out.strip()

    assert onehost("--suspend", "digest", "--check") == "production: digest would be suspended"
    assert onehost("--suspend", "digest", "--reason", "too loud") == (
        "production: digest does not run by its schedule, from now on"
    )
    assert onehost("--suspend", "digest") == "production: digest does not run by its schedule already"
    assert "suspended by ann: too loud" in onehost()
    assert "production digest: suspended by ann: too loud" in with_jobs("status")[1]
    assert onehost("--resume", "digest") == "production: digest runs by its schedule, from now on"


def test_what_cannot_be_asked_of_jobs(with_jobs: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*words: str) -> str:
        code, _out, err = with_jobs("jobs", *words)
        assert code == 1
        return err

    assert "where: is not given" in refused("--run", "digest")
    assert "'qa' is not an environment" in refused("--environment", "qa")
    assert "are too much at once" in refused("--environment", "staging", "--run", "digest", "--resume", "digest")
    assert "'no' is no job" in refused("--environment", "staging", "--history", "no")
    assert "is for timers" in refused("--environment", "staging", "--scheduled", "digest")


def test_jobs_of_others_are_none_of_ones_own(with_jobs: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "eve")
    runs = len(world.runs.known)
    for words in (["--run", "digest"], ["--suspend", "digest"], ["--history", "digest"], []):
        code, out, err = with_jobs("jobs", "--stack", "shop", "--environment", "production", *words)
        assert code == 1 and out == "" and "eve may not act on shop" in err
    assert len(world.runs.known) == runs and not world.runs.set_notes
    monkeypatch.setenv("SUDO_USER", world.stack.owner)
    assert with_jobs("jobs", "--stack", "shop", "--environment", "production", "--run", "digest")[0] == 0


def test_what_a_timer_starts(with_jobs: Run, world: World, stacks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER")
    words = ("jobs", "--stack", "shop", "--environment", "production", "--scheduled", "digest")
    assert with_jobs(*words)[1] == "digest has nothing to do now\n"
    world.clock.time += 3600
    code, out, _ = with_jobs(*words)
    assert code == 0 and "digest of shop production succeeded" in out
    world.clock.time += 3600
    world.one_off.ends["digest"] = (1.0, 3)
    assert with_jobs(*words)[0] == 1
    assert "--environment: is not given" in with_jobs("jobs", "--stack", "shop", "--scheduled", "digest")[2]
    (stacks / "shop.json").unlink()
    code, out, _ = with_jobs(*words)
    assert code == 0 and "no stack of this host any more" in out
    assert world.schedule.timers["production"] == {}


def test_a_run_is_stopped_when_the_command_is(with_jobs: Run, world: World) -> None:
    before = {number: signal.getsignal(number) for number in jobs_command.SIGNALS}
    world.one_off.ends["digest"] = (1000.0, 0)
    world.faults.on("clock wait", lambda: os.kill(os.getpid(), signal.SIGTERM))
    try:
        code, _out, err = with_jobs("jobs", "--environment", "production", "--run", "digest")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert code == 1 and "told to stop" in err
    run = world.runs.records("shop")[0]
    assert (run.app, run.outcome, run.exit_code) == ("digest", "interrupted", 143)
    assert not world.one_off.boxes


def test_recover_concludes_runs_and_sets_timers(with_jobs: Run, world: World) -> None:
    world.schedule.timers.clear()
    code, out, _ = with_jobs("recover")
    assert code == 0 and out.splitlines() == [
        "shop staging: the timers of its jobs were set",
        "shop production: the timers of its jobs were set",
    ]


def test_backup(onehost: Run, world: World, stacks: Path) -> None:
    code, _, err = onehost("backup")
    assert code == 1 and "nothing of shop is backed up" in err
    world.stack = read_stack("shop", shop_with_backups())
    (stacks / "shop.json").write_text(json.dumps(world.stack.to_mapping(with_env=False)))
    host_with_backups(world)
    world.places.places = Places("/mnt/backups", "pass")
    code, out, _ = onehost("backup", "--check", "--environment", "production")
    assert code == 0 and "would do production database main: incremental" in out and not world.backups.log
    code, out, _ = onehost("backup", "--environment", "production", "--kind", "full")
    assert code == 0 and "production database main: full: done in" in out and "backup 0 s old" in out
    code, out, _ = onehost("backup", "--stack", "shop", "--due")
    assert code == 0 and "staging database main: full: done" in out and " old" not in out
    world.copies.fails = {"dump": "no space left"}
    code, out, _ = onehost("backup", "--kind", "dump")
    assert code == 1 and "dump FAILED: no space left" in out
    code, _, err = onehost("backup", "--kind", "tape")
    assert code == 1 and "choose of full, incremental" in err


def test_verify(onehost: Run, world: World, stacks: Path) -> None:
    world.stack = read_stack("shop", shop_with_endpoints())
    (stacks / "shop.json").write_text(json.dumps(world.stack.to_mapping(with_env=False)))
    code, out, _ = onehost("verify")
    assert code == 0 and "shop staging: nothing was asked" in out and "nothing is live" in out
    code, _, err = onehost("verify", "--environment", "production")
    assert code == 1 and "nothing is live, so nothing can be verified" in err
    world.ship()
    code, out, _ = onehost("verify", "--environment", "production")
    assert code == 0 and "3 endpoint checks hold" in out and "GET http://old.shop.example:8200/old" in out
    world.endpoints.instead["/health"] = lambda _asked: Came(200, (), b'{"status": "\x1b[2Jforged\\nFix: rm"}')
    code, out, _ = onehost("verify")
    assert code == 1 and "1 of 3 endpoint checks do not hold" in out
    assert "   written  stack shop.endpoints[0].expect.json" in out and out.replace("\n", "").isprintable()
    code, out, _ = onehost("verify", "--json")
    assert code == 1 and [one["holds"] for one in json.loads(out)["environments"]] == [False, False]
    code, out, err = onehost("verify", "--junit", "--real", "--environment", "staging")
    assert code == 1 and ET.fromstring(out)[0].get("failures") == "1"
    assert "1 of 3 endpoint checks do not hold" in err, "for the log, while the report goes to a file"
    assert world.endpoints.asked[-1].site == ""


def test_verify_as_an_exporter_does(onehost: Run, world: World, stacks: Path) -> None:
    world.stack = read_stack("shop", shop_with_endpoints())
    (stacks / "shop.json").write_text(json.dumps(world.stack.to_mapping(with_env=False)))
    code, out, _ = onehost("verify", "--modules")
    assert code == 0 and yaml.safe_load(out) == {"modules": {}}, "nothing is live"
    world.ship()
    world.endpoints.asked.clear()
    code, out, _ = onehost("verify", "--modules")
    modules = yaml.safe_load(out)["modules"]
    assert code == 0 and "# Not watched: shop production: " in out
    code, out, _ = onehost("verify", "--targets", "--environment", "production", "--real")
    targets = json.loads(out)
    assert code == 0 and targets and {one["labels"]["environment"] for one in targets} == {"production"}
    assert {one["labels"]["module"] for one in targets} < set(modules)
    assert targets[0]["targets"][0].startswith("http://") and "127.0.0.1" not in out
    assert not world.endpoints.asked
    code, _, err = onehost("verify", "--modules", "--environment", "qa")
    assert code == 1 and "is not an environment" in err


def test_refused_and_failed(onehost: Run, world: World) -> None:
    code, out, _ = onehost("promote")
    assert code == 1 and "problem: stack shop: nothing is live in staging" in out
    code, _, err = onehost("promote", "--stack", "other")
    assert code == 1 and "choose from shop" in err


FORGED = "x\nproblem: forged\n\x1b]0;owned\x07\x9b31m\u202e"


@pytest.mark.parametrize("option", ["--reason", "--version", "--apps"])
def test_what_cannot_be_printed_is_refused(onehost: Run, option: str) -> None:
    code, out, _ = onehost("deploy", option, FORGED)
    assert code == 1 and f"problem: {option[2:]}: has characters that cannot be printed" in out
    assert "forged" not in out and out.replace("\n", "").isprintable()


def test_no_name_that_is_typed_acts_on_the_terminal(onehost: Run) -> None:
    for words in (
        ("status", "--stack", FORGED),
        ("rollback", "--release", FORGED),
        ("promote", "--skip-gates", FORGED),
    ):
        code, out, err = onehost(*words)
        assert code == 1 and (out + err).replace("\n", "").isprintable()
        assert "\nproblem: forged" not in out + err


def test_a_reason_of_before_is_shown_as_one_line(onehost: Run, world: World) -> None:
    """Releases and journals of an earlier engine hold what it took."""
    world.ship()
    for written in world.store.written.values():
        written.release = dataclasses.replace(written.release, reason=FORGED, person=FORGED)
    code, out, _ = onehost("status")
    assert code == 0 and out.replace("\n", "").isprintable() and "\nproblem: forged" not in out
    assert "x problem: forged" in out


def test_recover_and_cool(onehost: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.ship()
    world.commit({"api": HEALTHY})
    world.good("deploy")
    assert onehost("promote", "--warm-seconds", "60")[0] == 0
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
        raise OperationError("Docker does not answer", "docker.sock", "no")

    monkeypatch.setattr(recover_command, "recover", fail)
    world.faults.kill_at(12)
    world.commit({"api": HEALTHY})
    world.run("deploy")
    world.revive()
    code, _, err = onehost("recover")
    assert code == 1 and err.startswith("problem: docker.sock: Docker does not answer: no")


def test_owners_act_on_their_own_stack_alone(
    onehost: Run, world: World, stacks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ship()
    other = {**shop_definition(), "directory": "/srv/other", "owner": "bob"}
    (stacks.parent / "other" / "releases").mkdir(parents=True)
    (stacks / "other.json").write_text(json.dumps(read_stack("other", other).to_mapping(with_env=False)))
    # The faked host knows one stack.
    monkeypatch.setattr(
        status_command, "status", lambda host, stack: StatusReport(stack.name, {}, RollbackPreview(possible=False))
    )
    monkeypatch.setenv("SUDO_USER", "bob")
    for words in (
        *((name, "--stack", "shop") for name in ("deploy", "promote", "rollback", "status", "recover", "cool")),
        ("certificates", "--stack", "shop"),
        ("deploy", "--check", "--stack", "shop"),
        ("cleanup", "--check"),
    ):
        code, out, err = onehost(*words)
        assert (code, out) == (1, "") and "bob may not act on shop, which is not theirs. Fix: ask ubuntu" in err, words
    code, out, _ = onehost("status", "--json")
    assert code == 0 and [item["stack"] for item in json.loads(out)] == ["other"]
    assert onehost("certificates") == (0, "no environment has a certificate\n", "")
    monkeypatch.setenv("SUDO_USER", "eve")
    for name in ("status", "recover", "cool", "certificates", "cleanup", "promote"):
        assert "eve may not act on other, shop" in onehost(name)[2]
    monkeypatch.delenv("SUDO_USER")
    assert len(json.loads(onehost("status", "--json")[1])) == 2, "root itself"


BAD = ["", "{", "[]", "\x00", '{"directory": 5}', "null"]


@pytest.mark.parametrize("text", BAD)
def test_one_stack_that_cannot_be_read_stops_none_of_the_others(
    onehost: Run, world: World, stacks: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, with its cause and the fix, and makes the exit code 1; everything else goes on."""
    world.ship()
    (stacks.parent / "aaa" / "releases").mkdir(parents=True)
    (stacks / "aaa.json").write_text(text)
    world.faults.kill_at(12)
    world.commit({"api": HEALTHY})
    world.run("deploy")
    world.revive()
    code, out, err = onehost("recover")
    assert code == 1 and "was interrupted at" in out and "was undone" in out
    assert err.startswith("problem: stack aaa") and "Fix: " in err
    for words in (("status", "--json"), ("cleanup",), ("cool",), ("page",), ("certificates",), ("end-overlap",)):
        code, out, err = onehost(*words)
        assert code == 1 and "stack aaa" in err, words
        assert words[0] != "status" or [item["stack"] for item in json.loads(out)] == ["shop"]
    # With several, even if one cannot be read, an operation needs a name.
    assert "there are several stacks" in onehost("rollback")[2]
    assert onehost("deploy", "--stack", "shop")[0] == 0
    code, _, err = onehost("deploy", "--stack", "aaa")
    assert code == 1 and "Fix: " in err
    # Whose stack it is, nobody knows.
    monkeypatch.setenv("SUDO_USER", world.stack.owner)
    assert onehost("status")[0] == 1 and "shop staging" in onehost("status")[1]
    assert "stack aaa" in onehost("cleanup")[2] and onehost("cleanup")[1] == ""


def test_a_definition_that_is_no_file(onehost: Run, stacks: Path) -> None:
    (stacks.parent / "aaa" / "releases").mkdir(parents=True)
    (stacks / "aaa.json").mkdir()
    code, out, err = onehost("status")
    assert code == 1 and "shop staging" in out and "aaa.json: Is a directory" in err


def test_maps(onehost: Run, world: World, stacks: Path) -> None:
    """Also those of a stack that cannot be read: HAProxy starts for all or for none."""
    world.ship()
    now = world.router.files["production"]
    assert onehost("maps") == (0, "", "")
    world.router.files["production"], world.router.down = "", True
    code, out, _ = onehost("maps")
    assert code == 0 and out.startswith(f"shop production: {now} is live: this map was missing or damaged")
    assert world.router.files["production"] == now
    world.router.files["production"] = ""
    (stacks / "shop.json").write_text("{")
    assert onehost("maps")[0] == 0 and world.router.files["production"] == now


def test_two_hyphens_are_no_value(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["promote", "--reason=--"])
    assert "-- is no value" in capsys.readouterr().err


def test_only_root(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli.os, "geteuid", lambda: 1000)
    assert cli.main(["status"]) == 1
    assert "sudo onehost status" in capsys.readouterr().err


def test_which_stack(stacks: Path, world: World) -> None:
    files = StackFiles(str(stacks), state=str(stacks.parent))
    with pytest.raises(RefusedError, match="no stack was provisioned on this host"):
        files.choose("")
    (stacks / "shop.json").write_text(json.dumps(world.stack.to_mapping(with_env=False)))
    (stacks / "notes.txt").touch()
    assert files.choose("") == files.choose("shop") == "shop"
    assert files.load("shop").apps == world.stack.apps
    (stacks / "blog.json").write_text("{}")
    with pytest.raises(RefusedError, match="there are several stacks"):
        files.choose("")
    with pytest.raises(RefusedError, match="'other' was not provisioned"):
        files.choose("other")
    assert StackFiles(str(stacks / "nowhere")).names() == []


def test_each_verb_has_its_module_and_nothing_else_has_options() -> None:
    verbs = {command.verb: command for command in TABLE if command.verb}
    assert cli._ARGUMENTS.keys() <= verbs.keys()
    assert [name for name, command in verbs.items() if not command.help or not command.module] == []
    for command in verbs.values():
        assert callable(importlib.import_module(f"{commands.__name__}.{command.module}").run)
    assert len(verbs) + sum(not command.verb for command in TABLE) == len(TABLE), "each verb once"
