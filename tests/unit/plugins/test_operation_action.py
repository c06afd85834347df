# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What deploy, promote and rollback are asked for, from a task and from variables."""

from __future__ import annotations

import getpass
import json
import socket
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import action_loader
from ansible.template import Templar, trust_as_template
from fakes.stacks import shop_definition

from release.hints import hint

pytestmark = pytest.mark.usefixtures("collection")


def action(operation: str, task: dict[str, Any], variables: dict[str, Any]) -> Any:
    loader = DataLoader()
    return action_loader.get(
        f"onehost.release.{operation}",
        task=SimpleNamespace(action=f"onehost.release.{operation}", args=task, async_val=0, check_mode=False),
        connection=SimpleNamespace(_shell=SimpleNamespace(tmpdir="/nonexistent")),
        play_context=SimpleNamespace(),
        loader=loader,
        templar=Templar(loader, variables=variables),
        shared_loader_obj=None,
    )


def asked(operation: str = "promote", task: dict[str, Any] | None = None, **variables: Any) -> dict[str, Any]:
    found: dict[str, Any] = action(operation, task or {}, variables)._arguments(variables)
    return found


def test_without_any_option() -> None:
    assert asked() == {"person": getpass.getuser(), "origin": socket.gethostname()}


def test_the_host_is_asked_with_them_and_its_answer_is_spelled(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"stack": "shop", "apps": "a,b", "inventory_hostname": "vm1"}
    plugin = action("promote", {}, variables)
    questions: list[dict[str, Any]] = []

    def answer(command: str, in_data: bytes, sudoable: bool) -> dict[str, Any]:
        questions.append(json.loads(in_data))
        return {"stdout": json.dumps({"failed": True, "msg": f"Fix: {hint('deploy_staging')}"})}

    monkeypatch.setattr(plugin, "_low_level_execute_command", answer)
    result = plugin.run(task_vars=variables)
    given = questions[0]["arguments"]
    assert (given["stack"], given["apps"], given["person"]) == ("shop", ["a", "b"], getpass.getuser())
    assert result["msg"] == "Fix: ansible-playbook onehost.release.deploy_staging -e stack=shop"


def test_options_come_from_variables() -> None:
    found = asked(
        "rollback",
        stack="shop",
        release="1",
        secrets="release",
        reason=trust_as_template("{{ ticket }}"),
        ticket="OPS-1",
        lock_wait="30",
        release_watch_seconds="5",
        release_warm_seconds="6",
        release_person="kim",
        version="other",
        origin="other",
        wait_seconds="9",
    )
    assert found == {
        "stack": "shop",
        "release": "1",
        "secrets": "release",
        "reason": "OPS-1",
        "lock_wait": "30",
        "watch_seconds": "5",
        "warm_seconds": "6",
        "person": "kim",
        "origin": socket.gethostname(),
    }


def test_what_the_task_says_wins() -> None:
    found = asked("deploy", {"apps": ["api"], "person": "kim", "origin": "ci"}, apps="front", release_person="lee")
    assert (found["apps"], found["person"], found["origin"]) == (["api"], "kim", "ci")


@pytest.mark.parametrize(
    ("said", "apps"),
    [
        ("api,front", ["api", "front"]),
        ("api, front,", ["api", "front"]),
        ("", []),
        (["api"], ["api"]),
    ],
)
def test_a_string_is_a_list(said: Any, apps: list[str]) -> None:
    assert asked(apps=said, skip_gates=said) | {"person": "", "origin": ""} == {
        "apps": apps,
        "skip_gates": apps,
        "person": "",
        "origin": "",
    }


def test_a_bad_stack_stands_in_nobodys_way_but_its_own() -> None:
    bad = {**shop_definition(), "directory": "/srv/blog", "apps": {}}
    stacks = {"onehost_stack_shop": shop_definition(), "onehost_stack_blog": bad}
    assert asked(stack="shop", **stacks)["definition"]["name"] == "shop"
    with pytest.raises(AnsibleError, match=r"stack blog\.apps: is empty"):
        asked(stack="blog", **stacks)
    assert "definition" not in asked("rollback", stack="blog", **stacks), "the way back needs the host's alone"


def test_the_definition_is_that_of_the_inventory_without_its_env() -> None:
    stacks = {
        "onehost_stack_shop": shop_definition(),
        "onehost_stack_blog": {
            "directory": "/srv/blog",
            "environments": {"staging": {"ports": [5400]}, "production": {"ports": [5500]}},
            "apps": {
                "posts": {
                    "context": "posts",
                    "port": 80,
                    "loopback_port": 22000,
                    "health": "/up",
                    "routes": [{"path": "/"}],
                }
            },
        },
    }
    found = asked(stack="shop", **stacks)["definition"]
    assert (found["name"], found["env"]) == ("shop", {})
    assert asked(**stacks)["definition"]["name"] == "blog"
    assert "definition" not in asked(stack="other", **stacks)
    assert asked(task={"definition": {"name": "mine", "env": {"A": "1"}}}, **stacks)["definition"] == {
        "name": "mine",
        "env": {},
    }


def test_lost_words_are_refused() -> None:
    # As Ansible reads `-e apps=a, b`.
    variables = {"apps": "a,", "_raw_params": "b"}
    refused = action("promote", {}, variables).run(task_vars=variables)
    assert refused["failed"] and "-e: 'b' belongs to no option" in refused["msg"]
