# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack that was read: names, ports, order."""

from __future__ import annotations

import pytest
from fakes.stacks import shop_definition, shop_with_processes

from release.stack.model import App, Route, check_path, loopback_port, other_slot, socket_path, start_order
from release.stack.reader import read_stack


def test_names() -> None:
    stack = read_stack("shop", shop_definition())
    assert stack.project("staging", "blue") == "shop-staging-blue"
    assert stack.backend("production", "api", "green") == "shop-production-api-green"
    assert stack.image("api", "rollback") == "api:rollback"
    assert socket_path("shop", "staging", "api") == "/run/haproxy/shop-staging-api.sock"
    assert [app.name for app in stack.web_apps] == ["api", "front"]
    assert (other_slot("blue"), other_slot("green")) == ("green", "blue")


def test_ports() -> None:
    ports = [loopback_port(20000, False, env, slot) for env in ("staging", "production") for slot in ("blue", "green")]
    assert ports == [20000, 20001, 20002, 20003]
    in_place = read_stack("shop", shop_definition(in_place=True))
    front = in_place.apps["front"]
    assert {in_place.loopback_port(front, "production", slot) for slot in ("blue", "green")} == {21012}


@pytest.mark.parametrize(
    ("health", "route", "path"),
    [
        ("/health", Route("/"), "/health"),
        ("/health", Route("/shop"), "/shop"),
        ("/health", Route("/shop", strip_path=True), "/shop/health"),
        ("/health", Route("/", strip_path=True), "/health"),
        ("/health", Route("/shop", check="/shop/ping?x=1"), "/shop/ping?x=1"),
    ],
)
def test_what_is_asked_after_a_switch(health: str, route: Route, path: str) -> None:
    data = shop_definition()["apps"]["api"] | {"health": health}
    app: App = read_stack("shop", {**shop_definition(), "apps": {"api": {**data, "after": []}}}).apps["api"]
    assert check_path(app, route) == path


def test_order() -> None:
    stack = read_stack("shop", shop_definition())
    assert start_order(stack.apps) == [["front", "mail"], ["api"]]


def test_apps_of_one_image() -> None:
    stack = read_stack("shop", shop_with_processes())
    assert stack.with_image_of(()) == ()
    assert stack.with_image_of(("mail", "nobody")) == ("mail", "nobody")
    assert stack.with_image_of(("jobs", "mail")) == ("jobs", "mail", "api")
    assert stack.with_image_of(("mail", "api")) == ("mail", "api", "jobs")
    assert stack.for_each({"api": "1", "mail": "2"}) == {"api": "1", "mail": "2", "jobs": "1"}
