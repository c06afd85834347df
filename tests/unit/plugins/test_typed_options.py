# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is typed after -e and --tags: a slip is told, and does not become the default without a word."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader

pytestmark = pytest.mark.usefixtures("collection")


def typed_options() -> Any:
    return importlib.import_module("ansible_collections.onehost.release.plugins.plugin_utils.typed_options")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What is wrong with these variables of -e, and tags."""

    def told(name: str, variables: dict[str, Any], *tags: str, skip: tuple[str, ...] = ()) -> str:
        plugin = typed_options()
        monkeypatch.setattr(plugin, "load_extra_vars", lambda loader: variables)
        monkeypatch.setattr(plugin.context, "CLIARGS", {"tags": tags, "skip_tags": skip})
        return str(plugin.problem_with(name, variables, DataLoader()))

    return told


@pytest.mark.parametrize(
    ("name", "slip", "meant"),
    [
        ("deploy", "verson", "version"),
        ("deploy", "verison", "version"),
        ("deploy", "Version", "version"),
        ("deploy", "rebild", "rebuild"),
        ("rollback", "relase", "release"),
        ("rollback", "relaese", "release"),
        ("promote", "aps", "apps"),
        ("promote", "apss", "apps"),
        ("promote", "skip-gates", "skip_gates"),
        ("promote", "skip_gate", "skip_gates"),
        ("promote", "release_wach_seconds", "release_watch_seconds"),
        ("promote", "reson", "reason"),
        ("status", "stak", "stack"),
        ("recover", "stck", "stack"),
        ("cleanup", "free_bg", "free_gb"),
        ("check_config", "enviroment", "where"),
        ("flag", "flga", "flag"),
        ("rotate_jwt", "overlap_hour", "overlap_hours"),
        ("import_env", "comon", "common"),
        ("provision", "ofline", "offline"),
        ("provision", "stak", "stack"),
        ("provision", "onehost_hraden", "onehost_harden"),
        ("provision", "firewall_stat", "firewall_state"),
    ],
)
def test_a_slip_is_told(typed: Any, name: str, slip: str, meant: str) -> None:
    assert f"-e {slip}=…" in typed(name, {slip: "x"}) and f"did you mean -e {meant}=…?" in typed(name, {slip: "x"})


def test_an_option_of_another_operation(typed: Any) -> None:
    """Who promotes a version means it, and would get what is in staging."""
    assert "-e version=…: no option of promote. Fix: leave it out" in typed("promote", {"version": "v2"})


@pytest.mark.parametrize("name", ["deploy", "promote", "rollback", "status", "cleanup", "flag", "provision"])
def test_what_is_the_users_own(typed: Any, name: str) -> None:
    own = {
        "vault_token": 1,
        "ticket": "x",
        "workhub_source": "x",
        "edge_state": "x",
        "onehost_stack_shop": {},
        "region": 1,
    }
    every = {"release_person": "ann", "release_watch_seconds": 1, "release_warm_seconds": 0, "onehost_harden": True}
    assert typed(name, own | every) == ""


def test_every_known_option_passes(typed: Any) -> None:
    plugin = typed_options()
    for playbook, command in plugin.COMMANDS.items():
        assert typed(playbook, dict.fromkeys(command.options, "x")) == ""


def test_a_number_where_a_name_is_meant(typed: Any) -> None:
    assert "-e version: must be text, and YAML reads this as a number" in typed("deploy", {"version": 1.10})
    assert typed("deploy", {"version": "1.10", "lock_wait": 3, "apps": ["a"]}) == ""


@pytest.mark.parametrize("typed_name", ["playbooks/provision.yml", "onehost.release.provision", "provision.yml"])
def test_what_was_typed_decides(typed: Any, monkeypatch: pytest.MonkeyPatch, typed_name: str) -> None:
    """Provisioning calls actions whose own playbooks take other options."""
    monkeypatch.setattr(typed_options(), "typed_playbooks", lambda: [typed_name])
    assert typed("flag", {"stage": "x"}) == "" and "did you mean -e offline" in typed("flag", {"ofline": "x"})
    monkeypatch.setattr(typed_options(), "typed_playbooks", lambda: ["site.yml"])
    assert "did you mean -e state" in typed("flag", {"stage": "x"})


def test_lost_words(typed: Any) -> None:
    assert "'by QA' belongs to no option" in typed("status", {"_raw_params": "by QA"})


def test_tags_to_skip(typed: Any) -> None:
    """A slip would leave nothing out; and without the router's tasks nobody knows what the live releases need."""
    assert "Fix: --skip-tags router" in typed("provision", {}, skip=("ruoter",))
    assert typed("provision", {}, skip=("edge", "router", "firewall")) == typed("provision", {}, skip=("edge",)) == ""
    assert typed("provision", {}, "stack", "base", skip=("router",)) == "", "neither of the two would run"
    said = typed("provision", {}, skip=("router", "stack"))
    assert "edge and firewall would not know" in said and said.endswith("--skip-tags edge,firewall,router,stack")
    assert "edge would not know" in typed("provision", {}, "edge", "router", skip=("router",))


def test_tags_that_match_nothing(typed: Any) -> None:
    assert typed("provision", {}, "all") == typed("provision", {}, "edge", "router") == ""
    assert "--tags foo matches no task of provision. Fix: choose from base, " in typed("provision", {}, "foo")
    assert "Fix: --tags router" in typed("provision", {}, "edge", "ruoter")
    assert typed("promote", {}, "foo") == "", "it has none, and then no task of ours is there to tell"
