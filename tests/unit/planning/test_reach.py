# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the next release changes of how the live one is reached, in words."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.stacks import shop_definition

from release.planning.reach import next_changes
from release.releases.reach import Side, reach_of
from release.stack.model import Stack
from release.stack.reader import read_stack


def shop(**front: Any) -> Stack:
    definition = shop_definition()
    definition["apps"]["front"] |= front
    return read_stack("shop", definition)


def live(stack: Stack) -> Side:
    return Side(stack, tuple(stack.apps), reach_of(stack, stack.apps, "production", "blue"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"loopback_port": 22000}, "loopback_port 21010 -> 22000"),
        ({"port": 4000}, "port 3000 -> 4000"),
        ({"replace": "stop_first"}, "replace start_first -> stop_first"),
        ({"timeout_seconds": 300}, "timeout_seconds 60 -> 300"),
        ({"body_limit": "1m"}, "body_limit 10m -> 1m"),
        (
            {"routes": [{"path": "/front"}, {"path": "/", "host": "front.example"}]},
            "routes /front (stripped) -> /front, front.example/",
        ),
    ],
)
def test_each_change_is_one_line(change: dict[str, Any], said: str) -> None:
    assert next_changes(live(shop()), shop(**change), "production") == [f"shop production: app front: {said}"]


def test_what_is_no_matter_of_reach_is_not_said() -> None:
    assert next_changes(live(shop()), shop(memory="1g", health="/other", after=["mail"]), "production") == []


def test_the_order_of_routes_is_no_change() -> None:
    routes = [{"path": "/a"}, {"path": "/b"}]
    assert next_changes(live(shop(routes=routes)), shop(routes=routes[::-1]), "production") == []


def test_hosts_and_ports_of_the_environment() -> None:
    definition = shop_definition()
    definition["environments"]["production"] = {"ports": [80], "hosts": ["a.example", "b.example"]}
    assert next_changes(live(shop()), read_stack("shop", definition), "production") == [
        "shop production: ports 8200, 80 -> 80",
        "shop production: hosts none -> a.example, b.example",
    ]
    assert next_changes(live(shop()), read_stack("shop", definition), "staging") == []
