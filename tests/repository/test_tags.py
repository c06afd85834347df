# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`provision.yml --tags <role>` applies that role, whole and alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.package import ROOT, run

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
#: What every part needs, and the tasks of the role `stack` that do it.
SHARED = ["Read the stacks of this host", "Tell which stacks were left as they are"]
SHARED_TASKS = [
    f"onehost.release.stack : {task['name']}"
    for name in ("read", "tell_refused")
    for task in yaml.safe_load((ROOT / "roles" / "stack" / "tasks" / f"{name}.yml").read_text())
]
#: What the edge and the firewall need of the router's role: the releases' own apps and ports.
OF_RELEASES = [
    "onehost.release.router : Find what the releases on the host need",
    "onehost.release.router : Say what the next release changes, until when all answers as before",
]
((PLAY),) = yaml.safe_load((ROOT / "playbooks" / "provision.yml").read_text())
TASKS: list[dict[str, Any]] = PLAY["tasks"]


def role_of(task: dict[str, Any]) -> str:
    """The role that a task applies, or nothing."""
    for word in ("import_role", "include_role"):
        if called := task.get(f"ansible.builtin.{word}"):
            return str(called["name"]).rpartition(".")[2]
    return ""


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task["name"])
def test_each_task_has_one_tag(task: dict[str, Any]) -> None:
    (tag,) = task["tags"]
    assert tag in [*ROLES, "always"]
    assert (tag == "always") is (task["name"] in SHARED)
    if tag != "always" and (role := role_of(task)):
        assert tag == role


def test_each_role_has_its_tag() -> None:
    assert {task["tags"][0] for task in TASKS} - {"always"} == set(ROLES)


def test_the_documentation_names_all_tags_in_their_order() -> None:
    text = (ROOT / "docs" / "operations.md").read_text().partition("## Provisioning only a part")[2]
    applied = [role for task in TASKS if (role := role_of(task)) and "tasks_from" not in str(task)]
    assert re.findall(r"^\| `([a-z_]+)` \|", text, re.M) == applied


def includes(tasks: Any, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """All that is included at run time: such tasks do not inherit tags."""
    for task in tasks or []:
        for part in ("block", "rescue", "always"):
            yield from includes(task.get(part), path)
        for word in ("include_tasks", "include_role"):
            if (called := task.get(f"ansible.builtin.{word}")) is not None:
                yield f"{path.relative_to(ROOT)}: {task['name']}", called


def test_what_is_included_runs_whenever_its_include_does() -> None:
    found = [
        item
        for path in [*(ROOT / "roles").glob("*/tasks/*.yml"), *(ROOT / "roles").glob("*/handlers/*.yml")]
        for item in includes(yaml.safe_load(path.read_text()), path)
    ]
    found += list(includes(TASKS, ROOT / "playbooks" / "provision.yml"))
    assert len(found) > 3
    for where, called in found:
        wanted = [called["name"].rpartition(".")[2]] if "name" in called else ["always"]
        assert isinstance(called, dict) and called["apply"]["tags"] == wanted, where


@pytest.mark.parametrize("role", ["firewall", "router"])
def test_ansible_lists_only_the_tasks_of_that_role(role: str) -> None:
    listed = run(
        ["ansible-playbook", "--list-tasks", "--tags", role, "-i", "inventories/lab", "playbooks/provision.yml"],
        where=ROOT,
        environment={"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
    )
    tasks = dict(re.findall(r"^      (.*?)\s+TAGS: \[(.*)\]$", listed, re.M))
    # Ansible validates the variables of each role in any case.
    found = {name: tags for name, tags in tasks.items() if "Validating arguments" not in name}
    assert len(found) > 5
    assert {name for name, tags in found.items() if tags != role} == {*SHARED_TASKS, *OF_RELEASES}


def test_what_one_part_finds_is_not_needed_by_a_run_of_another() -> None:
    """Ansible validates the variables of each role in every run, also with `--tags stack`."""
    text = (ROOT / "playbooks" / "provision.yml").read_text()
    assert re.findall(r"\brouter_found\b(?! \| default)", text) == []
