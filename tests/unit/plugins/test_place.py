# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the person is who started Ansible, read from what they typed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible import constants, context
from support.package import ROOT

from release.hints import Place, hint, spell

pytestmark = pytest.mark.usefixtures("collection")

LAB = str(ROOT / "inventories" / "lab")


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    before = context.CLIARGS
    yield
    context.CLIARGS = before


def place() -> Any:
    return importlib.import_module("ansible_collections.onehost.release.plugins.plugin_utils.place")


def typed(**given: Any) -> Place:
    """What `ansible-playbook` makes of its words; an option that was not typed has its default."""
    usual: Mapping[str, Any] = {
        "inventory": constants.DEFAULT_HOST_LIST,
        "subset": constants.DEFAULT_SUBSET,
        "remote_user": constants.DEFAULT_REMOTE_USER,
        "private_key_file": constants.DEFAULT_PRIVATE_KEY_FILE,
        "vault_ids": [],
        "vault_password_files": [],
    }
    context.CLIARGS = context.CLIArgs({**usual, **given})
    found = place().here()
    return Place(found.kind, found.options, found.folder, found.stack, found.has_control)


@pytest.mark.parametrize(
    ("folder", "playbook", "next_one"),
    [
        (".", "playbooks/promote.yml", "playbooks/status.yml"),
        ("playbooks", "promote.yml", "status.yml"),
        ("roles", "../playbooks/promote.yml", "../playbooks/status.yml"),
        (".", "./playbooks/promote.yml", "./playbooks/status.yml"),
        ("/", f"{ROOT}/playbooks/promote.yml", f"{ROOT}/playbooks/status.yml"),
        (".", "onehost.release.promote", "onehost.release.status"),
        # Playbooks of somebody's own, and what is no file at all.
        (".", "tests/support/host/plain.yml", "onehost.release.status"),
        (".", "playbooks/unheard_of.yml", "onehost.release.status"),
    ],
)
def test_playbooks_are_named_as_they_were(
    monkeypatch: pytest.MonkeyPatch, folder: str, playbook: str, next_one: str
) -> None:
    monkeypatch.chdir(ROOT / folder)
    assert spell(hint("status"), typed(args=[playbook])) == f"ansible-playbook {next_one}"


def test_options_that_choose_the_hosts_and_open_them_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "playbooks")
    found = typed(
        args=["promote.yml"],
        inventory=[LAB, "extra,"],
        subset="web1:&a b",
        vault_ids=["prod@prompt"],
        vault_password_files=[str(ROOT / "playbooks" / "pass")],
        ask_vault_pass=True,
        become_ask_pass=True,
        remote_user="ann",
        private_key_file="/etc/key",
    )
    assert " ".join(found.options) == (
        "-i ../inventories/lab -i extra, --limit 'web1:&a b' --vault-id prod@prompt --vault-password-file pass "
        "--ask-vault-pass --ask-become-pass --user ann --private-key /etc/key"
    )


def test_what_the_configuration_says_is_not_typed_again() -> None:
    assert typed(args=["onehost.release.promote"]) == Place()
    assert typed(args="all") == Place(), "ansible itself, which runs no playbook"


def test_the_stack_that_was_named_is_kept() -> None:
    typed(args=["onehost.release.promote"])
    result = place().spelled({"msg": f"Fix: {hint('deploy_staging')}"}, "shop")
    assert result == {"msg": "Fix: ansible-playbook onehost.release.deploy_staging -e stack=shop"}


def test_the_stack_that_was_typed_is_kept() -> None:
    found = typed(args=["onehost.release.promote"], extra_vars=["apps=a stack=shop", "@more.yml", "reason='a b'"])
    assert found.stack == "shop"
    assert typed(args=["onehost.release.promote"], extra_vars=['{"stack": "shop"}']).stack == ""


def test_who_typed_onehost_control_is_told_to_type_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(place().CONTROL, "1")
    found = typed(args=["onehost.release.promote"], inventory=["/etc/onehost/control/inventory.yml"])
    assert spell(hint("recover"), found) == "sudo onehost-control recover"


def test_a_path_outside_is_named_in_the_shorter_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed(inventory=["/i"]).options == ("-i", "/i")
