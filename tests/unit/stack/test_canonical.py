# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canonical addresses: what follows from them, and every contradiction with its place."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from fakes.stacks import shop_definition
from hypothesis import given
from hypothesis import strategies as st

from release.errors import RefusedError
from release.stack.canonical import before, moment_of, origin_of
from release.stack.edge_view import edge_view, hosts_in
from release.stack.model import Stack
from release.stack.reader import read_stack, read_stacks

OLD = "old.shop.example"


def shop(**production: Any) -> dict[str, Any]:
    """A shop whose API has a name of its own, and is beside it under www for a while."""
    data = shop_definition()
    data["environments"]["staging"] |= {
        "hosts": ["staging.shop.example"],
        "canonical": {"web": "http://staging.shop.example:8100", "api": "http://api.staging.shop.example:8100/v1"},
        "origins": ["${canonical.web}"],
    }
    data["environments"]["production"] |= {
        "hosts": ["www.shop.example", "shop.example"],
        "canonical_host": "www.shop.example",
        "canonical": {
            "web": "http://www.shop.example",
            "api": "http://api.shop.example/v1",
            "socket": "ws://api.shop.example",
        },
        "redirects": {OLD: {"to": "web", "until": "2027-01-31"}},
        "origins": ["${canonical.web}", "https://shop-mobile.other.example"],
        **production,
    }
    data["apps"]["api"]["routes"] = [{"path": "/", "canonical": "api"}, {"path": "/v1", "until": "2027-02-28T18:00Z"}]
    data["apps"]["front"]["routes"] = [{"path": "/"}]
    return data


def read(data: dict[str, Any]) -> Stack:
    stack = read_stack("shop", copy.deepcopy(data))
    stored = json.loads(json.dumps(stack.to_mapping(with_env=True)))
    assert read_stack("shop", stored) == stack, "what is stored is the same when it is read again"
    return stack


def problems_of(data: dict[str, Any]) -> list[str]:
    with pytest.raises(RefusedError) as caught:
        read_stack("shop", data)
    assert all(problem.fix and problem.where.startswith("stack shop.") for problem in caught.value.problems)
    return [f"{problem.where}: {problem.what}" for problem in caught.value.problems]


def test_each_route_has_the_host_of_its_environment() -> None:
    stack = read(shop())
    view = edge_view(stack, stack.environments["production"])
    assert [(route["app"], route["host"], route["path"], route["ends"]) for route in view["routes"]] == [
        ("api", "api.shop.example", "/", 0),
        ("api", "", "/v1", 1803837600),
        ("front", "", "/", 0),
    ]
    assert view["former"] == [{"host": OLD, "to": "http://www.shop.example", "ends": 1801440000}]
    assert view["origins"] == ["http://www.shop.example", "https://shop-mobile.other.example"]
    assert view["hosts"] == ["api.shop.example", OLD, "shop.example", "www.shop.example"]
    staging = stack.environments["staging"]
    assert hosts_in(stack, staging) == ["api.staging.shop.example", "staging.shop.example"]


def test_an_address_that_moves_under_www_is_one_route() -> None:
    data = shop(canonical={"api": "http://www.shop.example/v1"}, redirects={}, origins=[])
    data["apps"]["api"]["routes"] = [{"path": "/v1", "canonical": "api"}, {"path": "/v1", "until": "2027-02-28"}]
    stack = read(data)
    view = edge_view(stack, stack.environments["production"])
    assert [(route["host"], route["path"], route["ends"]) for route in view["routes"]] == [("", "/v1", 0), ("", "/", 0)]


def test_values_follow_from_addresses() -> None:
    data = shop()
    data["secrets"] = []
    data["env"] = {"staging": {}, "production": {"SITE": "http://www.shop.example"}}
    data["env_matrix"] = {
        "API_URL": {"equals": "${canonical.api}", "distinct": True},
        "HEALTH_URL": {"equals": {"production": "${canonical.api}/health"}, "environments": ["production"]},
        "CORS_ORIGINS": {"equals": "${origins}"},
        "SITE": {"equals": "${canonical.web}"},
    }
    stack = read(data)
    assert stack.env["staging"] == {
        "API_URL": "http://api.staging.shop.example:8100/v1",
        "CORS_ORIGINS": "http://staging.shop.example:8100",
        "SITE": "http://staging.shop.example:8100",
    }
    assert stack.env["production"] == {
        "API_URL": "http://api.shop.example/v1",
        "HEALTH_URL": "http://api.shop.example/v1/health",
        "CORS_ORIGINS": "http://www.shop.example,https://shop-mobile.other.example",
        "SITE": "http://www.shop.example",
    }
    assert stack.env_matrix["SITE"].template("production") == "http://www.shop.example", "so that others are found"


def test_a_build_gets_the_address_that_it_names() -> None:
    data = shop()
    data["build_arguments"] = {"WAY": "plain"}
    data["apps"]["front"]["build_arguments"] = {"API": "${canonical.production.api}/x"}
    assert read(data).apps["front"].build_arguments == {"API": "http://api.shop.example/v1/x"}
    data["apps"]["front"]["build_arguments"] = {"API": "${canonical.api}", "B": "${canonical.qa.api}"}
    data["build_arguments"] = {"O": "${origins}"}
    assert problems_of(data) == [
        "stack shop.build_arguments.O: ${origins} does not say of which environment",
        "stack shop.apps.front.build_arguments.API: ${canonical.api} does not say of which environment",
        "stack shop.apps.front.build_arguments.B: names canonical.qa.api, which there is not",
    ]


TLS = {"certificate": "/etc/a.pem", "key": "/etc/a.key"}


@pytest.mark.parametrize(
    ("production", "where", "what"),
    [
        ({"canonical": {"web": "http://other.example"}}, "canonical.web", "other.example is no host name of this env"),
        ({"canonical": {"web": "http://shop.example"}}, "canonical.web", "is redirected to www.shop.example"),
        ({"canonical": {"api": "http://api.shop.example/v1/"}}, "canonical.api", "is not an address"),
        ({"canonical": {"Web": "http://www.shop.example"}}, "canonical.Web", "is not a name for an address"),
        ({"canonical": {"web": "http://user:x@www.shop.example"}}, "canonical.web", "is not an address"),
        ({"canonical": {"web": "http://www.shop.example:0"}}, "canonical.web", "is not an address"),
        ({"canonical": {"web": 80}}, "canonical.web", "must be text"),
        ({"canonical": {"web": "http://staging.shop.example:8100"}}, "canonical.web", "is environments.staging"),
        ({"tls": TLS}, "canonical.socket", "is ws, and this environment has TLS"),
        ({"redirects": {OLD: {"to": "shop"}}}, f"redirects.{OLD}.to", "'shop' is not one of `canonical`"),
        ({"redirects": {OLD: {}}}, f"redirects.{OLD}.to", "is missing"),
        ({"redirects": {OLD: {"to": "socket"}}}, f"redirects.{OLD}.to", "is a WebSocket"),
        ({"redirects": {OLD: {"to": "web", "code": 301}}}, f"redirects.{OLD}.code", "is not a known option"),
        ({"redirects": {OLD: {"to": "web", "until": "soon"}}}, f"redirects.{OLD}.until", "'soon' is not a day"),
        ({"redirects": {OLD: {"to": "web", "until": "9999-12-31"}}}, f"redirects.{OLD}.until", "is not a day"),
        ({"redirects": {OLD: {"to": "web", "until": "2027-02-30"}}}, f"redirects.{OLD}.until", "is not a day"),
        ({"redirects": {"shop.example": {"to": "web"}}}, "redirects.shop.example", "answers by itself"),
        ({"redirects": {"api.shop.example": {"to": "web"}}}, "redirects.api.shop.example", "answers by itself"),
        ({"redirects": {"*.x.example": {"to": "web"}}}, "redirects.*.x.example", "is not a host name"),
        ({"origins": ["https://a.example/"]}, "origins", "'https://a.example/' is not an origin"),
        ({"origins": ["*"]}, "origins", "'*' is not an origin"),
        ({"origins": ["null"]}, "origins", "'null' is not an origin"),
        ({"origins": ["${canonical.shop}"]}, "origins", "'${canonical.shop}' is not one of `canonical`"),
        ({"origins": ["https://a.example", "https://A.example"]}, "origins", "appears twice"),
    ],
)
def test_contradictions_of_an_environment(production: dict[str, Any], where: str, what: str) -> None:
    found = problems_of(shop(**production))
    assert any(f"environments.production.{where}: " in problem and what in problem for problem in found), found


_STRIPPED = {"path": "/", "host": "api.shop.example", "strip_path": True}


@pytest.mark.parametrize(
    ("routes", "what"),
    [
        ([{"path": "/", "canonical": "shop"}], "api.routes[0].canonical: 'shop' is no canonical address of staging"),
        ([{"path": "/x", "canonical": "api"}], "production.canonical.api: no route leads to /v1 at api.shop.example"),
        ([{"path": "/", "canonical": "api", "until": "2027-01-01"}, {"path": "/y"}], "is only there until 2027-01-01"),
        ([{"path": "/v1", "until": "2027-01-01"}], "apps.api.routes: has only routes that end"),
        ([{"path": "/", "canonical": "api", "host": "x.example"}], "routes[0].host: is said twice"),
        ([{"path": "/", "canonical": "api"}, _STRIPPED], "is already taken by app api"),
    ],
)
def test_contradictions_of_routes(routes: list[dict[str, Any]], what: str) -> None:
    data = shop()
    data["apps"]["api"]["routes"] = routes
    assert any(what in problem for problem in problems_of(data)), problems_of(data)


def test_contradictions_of_others() -> None:
    data = shop()
    data["secrets"] = []
    data["env_matrix"] = {"A": {"equals": "${canonical.live}"}, "B": {"default": "${canonical.api}"}}
    data["drift"] = {"dead": {"api.shop.example": "gone"}}
    assert [problem.partition(" shop.")[2] for problem in problems_of(data)][:3] == [
        "env_matrix.A.equals: names canonical.live, which staging does not have",
        "env_matrix.A.equals: names canonical.live, which production does not have",
        "env_matrix.B.default: names an address",
    ]
    assert any("drift.dead.api.shop.example: is the address api of production, too" in p for p in problems_of(data))


def test_endpoints_take_the_origins() -> None:
    data = shop()
    data["endpoints"] = [{"name": "origins", "cors": {"path": "/v1/me"}}]
    (endpoint,) = read(data).endpoints
    assert endpoint.cors
    origins = read(data).environments["production"].origins
    assert endpoint.cors.of(origins).allowed == origins and endpoint.cors.of(()) == endpoint.cors
    data["endpoints"][0]["cors"]["refused"] = ["http://www.shop.example"]
    assert any("is one of the `origins` of production" in problem for problem in problems_of(data))
    data["environments"]["staging"]["origins"] = []
    data["endpoints"][0]["cors"]["refused"] = []
    assert any("names no origin" in problem for problem in problems_of(data))


def test_two_stacks_cannot_have_one_earlier_name() -> None:
    other = shop_definition() | {"directory": "/srv/other"}
    other["environments"] = {
        "staging": {"ports": [8300]},
        "production": {"ports": [8200], "hosts": [OLD]},
    }
    other["apps"] = {"other": {**other["apps"]["front"], "loopback_port": 22000}}
    with pytest.raises(RefusedError, match=rf"public address {OLD}:8200 is already used"):
        read_stacks({"shop": shop(), "other": other})


def test_stacks_without_addresses_are_stored_as_before() -> None:
    data = read_stack("shop", shop_definition()).to_mapping(with_env=False)
    assert not {"canonical", "redirects", "origins"} & data["environments"]["production"].keys()
    assert data["apps"]["front"]["routes"] == [{"path": "/front", "host": "", "strip_path": True, "check": ""}]


@given(st.integers(10**9, 10**10 - 1), st.integers(-1, 10**10 - 1), st.integers(-3, 3))
def test_nginx_knows_what_is_before(moment: int, other: int, near: int) -> None:
    for now in (other if other >= 10**9 else moment, min(max(moment + near, 10**9), 10**10 - 1)):
        assert bool(re.search(before(moment), f"{now}.123")) == (now < moment)


def test_a_day_lasts_to_its_end() -> None:
    assert moment_of("2027-01-31") == moment_of("2027-02-01T00:00Z") == 1801440000
    assert origin_of("wss://API.shop.example:8443/x") == "https://api.shop.example:8443"
