# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many equal containers a stack may have of its apps."""

from __future__ import annotations

import dataclasses

import pytest
from fakes.stacks import shop_definition, shop_with_replicas

from release.errors import RefusedError
from release.stack import replicas
from release.stack.model import App
from release.stack.reader import read_stack


def test_they_are_part_of_the_definition() -> None:
    stack = read_stack("shop", shop_with_replicas())
    data = stack.to_mapping(with_env=False)
    assert data["apps"]["api"]["replicas"] == 2 and "replicas" not in data["apps"]["front"], "as before there were any"
    assert read_stack("shop", data).apps["api"].replicas == 2


def test_all_that_is_wrong_is_told_at_once() -> None:
    definition = shop_with_replicas(api=8, mail=8)
    definition["apps"]["front"] |= {"replicas": 8, "replace": "stop_first"}
    definition["apps"]["more"] = {"context": "more", "kind": "worker", "replicas": 5}
    with pytest.raises(RefusedError) as refused:
        read_stack("shop", definition)
    said = [str(problem) for problem in refused.value.problems]
    assert said == [
        "stack shop.apps.front.replicas: 8 replicas of an app that never runs twice (`replace: stop_first`). "
        "Fix: let it have one, or use `replace: start_first`",
        "stack shop.apps: 4 apps with 29 containers, but the network of a slot has addresses for 28. "
        "Fix: fewer replicas, or two stacks",
    ]


def test_a_kind_that_runs_one_at_a_time() -> None:
    mail: App = read_stack("shop", shop_definition()).apps["mail"]
    assert replicas.problem(mail) == ("", "")
    assert "is a job" in replicas.problem(dataclasses.replace(mail, kind="job"))[0]
