# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands by hand as they are typed on the host: whose they may be, and what they cannot become."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from fakes.console import one_process
from fakes.world import World

from release.entrypoints import bootstrap, cli
from release.operations import by_hand
from release.planning.by_hand import Asked

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def onehost(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """The command on the faked host, typed by the owner of the stack, who may do nothing else."""
    world.ship()
    monkeypatch.setattr(bootstrap, "this_host", lambda: world.host)
    monkeypatch.setattr(cli.os, "geteuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", world.stack.owner)
    monkeypatch.setattr(cli.access, "may_become_root", lambda _: False)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(list(arguments))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    with one_process(world):
        yield call


def test_the_exit_code_is_the_command_s(onehost: Run, world: World) -> None:
    world.one_off.ends["api"], world.console.code = (1.0, 7), 8
    assert onehost("run", "--reason", "a look", "api", "--", "node", "x.js") == (7, "", "")
    assert onehost("exec", "--environment", "staging", "api", "--", "sh") == (8, "", "")
    code, out, _ = onehost("runs")
    first, second = out.splitlines()
    assert code == 0 and f"staging api: exec sh by {world.stack.owner} on " in first
    assert "production api: run node (+1) by" in second and "(a look): failed, exit code 7" in second
    _, out, _ = onehost("runs", "--environment", "production", "--json")
    [row] = json.loads(out)
    assert (row["command"], row["words"], row["exit_code"]) == (["node"], 1, 7)
    assert "log" not in row and "container" not in row


def test_a_time_limit(onehost: Run, world: World) -> None:
    world.one_off.ends["api"] = (1000.0, 0)
    code, out, err = onehost("run", "--timeout-seconds", "5", "api", "--", "sleep", "1000")
    assert (code, out) == (124, "") and err == "onehost: was stopped: it had not ended after 5 s\n"


def test_words_after_the_dashes_are_the_program_s(onehost: Run, world: World) -> None:
    words = ("--privileged", "--stack", "other", "--", "-v", "/:/host", "--environment=--")
    assert onehost("exec", "api", "--", *words)[0] == 0
    assert world.console.begun[-1][1] == words
    assert onehost("run", "--check", "api", "--", *words)[1].startswith(
        "would run '--privileged' '--stack' 'other' '--'"
    )


@pytest.mark.parametrize("verb", ["run", "exec"])
@pytest.mark.parametrize(
    "words",
    [
        ("-it", "api", "--", "sh"),
        ("api", "-it", "--", "sh"),
        ("--privileged", "api", "--", "sh"),
        ("--user", "root", "api", "--", "sh"),
        ("-e", "LD_PRELOAD=x", "api", "--", "sh"),
        ("--volume=/:/host", "api", "--", "sh"),
        ("api", "other", "--", "sh"),
        ("--", "sh"),
        ("--environment=--", "api", "--", "sh"),
        ("--timeout-seconds", "x", "api", "--", "sh"),
    ],
)
def test_no_other_option_is_taken(onehost: Run, world: World, verb: str, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        onehost(verb, *words)
    assert ended.value.code == 2 and not world.runs.known


@pytest.mark.parametrize("verb", ["run", "exec"])
@pytest.mark.parametrize(
    "app",
    ["shop-production-blue-api-1", "../api", "/api", "api/../../x", "", " ", "api\n", "*", "ap", "API", "api_run"],
)
def test_a_name_is_that_of_an_app_or_nothing(onehost: Run, world: World, verb: str, app: str) -> None:
    code, _, err = onehost(verb, app, "--", "sh")
    assert code == 125 and "is no app of release" in err and err.count("\n") == 1
    assert not world.runs.known


def test_without_a_program(onehost: Run) -> None:
    for words in (("run", "api"), ("exec", "api", "--"), ("run", "api", "--", "")):
        code, _, err = onehost(*words)
        assert code == 125 and "no program is named" in err


@pytest.mark.parametrize("verb", ["run", "exec"])
def test_only_owners_and_the_group(onehost: Run, world: World, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    monkeypatch.setenv("SUDO_USER", "mallory")
    for stack in ((), ("--stack", "shop")):
        code, _, err = onehost(verb, *stack, "api", "--", "sh")
        assert code == 125 and "mallory may not act on shop" in err
        assert onehost("runs", *stack)[0] == 1
    assert not world.runs.known and not world.one_off.started and not world.console.begun
    monkeypatch.setattr(cli.access, "is_member", lambda name, _: name == "mallory")
    assert onehost(verb, "api", "--", "sh")[0] == 0
    assert [run.person for run in world.runs.records("shop")] == ["mallory"]


def test_recover_ends_what_was_left(onehost: Run, world: World) -> None:
    source = by_hand.run_sources.find(world.host, world.stack, Asked("api", ("sh",), person="ann"))
    world.runs.write(source.run)
    code, out, _ = onehost("recover")
    assert code == 0 and "production api: command by ann was left behind" in out
    assert "interrupted" in onehost("runs")[1]
