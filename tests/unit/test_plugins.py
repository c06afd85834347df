# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugins that run on the control machine, through Ansible's own loader."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from support.fakes import shop_definition

pytestmark = pytest.mark.usefixtures("collection")


def evaluate(expression: str, **variables: Any) -> Any:
    return Templar(DataLoader(), variables=variables).template(trust_as_template("{{ " + expression + " }}"))


def test_stacks_are_read_from_variables() -> None:
    found = evaluate(
        "query('onehost.release.stacks')",
        onehost_stack_the_shop=shop_definition(),
        other=trust_as_template("{{ never_looked_at }}"),
    )
    assert [stack["name"] for stack in found] == ["the-shop"]
    assert found[0]["apps"]["api"]["health_seconds"] == 5 and found[0]["apps"]["api"]["drain_seconds"] == 10
    assert evaluate("query('onehost.release.stacks', 'other')", onehost_stack_shop=shop_definition()) == []


def test_all_problems_of_all_stacks_are_told() -> None:
    shop, blog = shop_definition(), shop_definition()
    del shop["apps"]["api"]["health"]
    blog["environments"] = {}
    with pytest.raises(AnsibleError, match=r"3 problem\(s\)[^$]*apps.api.health: is missing") as caught:
        evaluate("query('onehost.release.stacks')", onehost_stack_shop=shop, onehost_stack_blog=blog)
    assert "stack blog.environments.staging: is missing" in str(caught.value)


@pytest.fixture
def stack() -> dict[str, Any]:
    (found,) = evaluate("query('onehost.release.stacks')", onehost_stack_shop=shop_definition())
    return dict(found)


def test_filters(stack: dict[str, Any]) -> None:
    public = evaluate("stack | onehost.release.without_env", stack=stack)
    assert public["env"] == {} and "db://1" not in str(public)
    text = evaluate("stack | onehost.release.compose_file", stack=stack)
    assert yaml.safe_load(text)["services"]["api-prod"]["image"] == "api:production"
    port = evaluate("stack.apps.front | onehost.release.loopback_port('production', 'green')", stack=stack)
    assert int(port) == 21013
    assert "A='1'\n" in evaluate("{'A': 1} | onehost.release.compose_env", stack=stack)


def test_an_env_value_that_cannot_be_carried() -> None:
    with pytest.raises(AnsibleError, match="the value of TOKEN") as caught:
        evaluate("{'TOKEN': value} | onehost.release.compose_env('config/.env.common')", value="secret\\")
    assert "secret" not in str(caught.value)
