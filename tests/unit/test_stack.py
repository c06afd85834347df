# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a stack's definition: each mistake is named, with its place, and all of them at once."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from support.fakes import shop_definition

from release.errors import RefusedError
from release.stack.model import App, Route, check_path, loopback_port, other_slot, socket_path, start_order
from release.stack.reader import read_stack, read_stacks

REMOVE = object()


def changed(path: str, value: Any) -> dict[str, Any]:
    """The definition of the shop with one value set, or removed."""
    data = copy.deepcopy(shop_definition())
    *parents, last = path.split(".")
    inner: Any = data
    for key in parents:
        inner = inner[key]
    if value is REMOVE:
        del inner[last]
    else:
        inner[last] = value
    return data


def problems_of(data: Any) -> list[str]:
    with pytest.raises(RefusedError) as caught:
        read_stack("shop", data)
    assert str(caught.value)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("path", "value", "where", "what"),
    [
        ("name", "Shop", "stack shop.name", "'Shop' is not valid"),
        ("name", "a--b", "stack shop.name", "single hyphens"),
        ("directory", REMOVE, "stack shop.directory", "is missing"),
        ("directory", "srv/shop", "stack shop.directory", "is not valid"),
        ("directory", ["/srv"], "stack shop.directory", "must be text, not list"),
        ("owner", "Bad User", "stack shop.owner", "is not valid"),
        ("source", "-oProxyCommand=x", "stack shop.source", "git address"),
        ("version", "--upload-pack", "stack shop.version", "is not valid"),
        ("environments.test", {"ports": [1]}, "environments.test", "is not a known environment"),
        ("environments.production", REMOVE, "environments.production", "is missing"),
        ("environments.production.ports", [], "production.ports", "is empty"),
        ("environments.production.ports", [True], "production.ports", "True is not a port"),
        ("environments.production.ports", [70000], "production.ports", "70000 is not a port"),
        ("environments.production.ports", "80", "production.ports", "must be a list"),
        ("environments.production.hosts", ["a b"], "production.hosts", "'a b' is not a host name"),
        ("environments.production.hosts", "a.example", "production.hosts", "must be a list of texts"),
        ("environments.production.colour", 1, "production.colour", "is not a known option"),
        ("keys.mount", REMOVE, "keys.mount", "is missing"),
        ("keys.user", 0, "keys.user", "0 is out of range"),
        ("env.common", {"A-B": 1}, "env.common.A-B", "is not a name for an environment variable"),
        ("env.test", {}, "env.test", "is not a known option"),
        ("env.common", {"A": None}, "env.common.A", "must be text or a number, not NoneType"),
        ("env", [], "stack shop.env", "must be a mapping, not list"),
        ("secrets", [1], "stack shop.secrets", "must be a list of texts"),
        ("watch_seconds", -1, "watch_seconds", "-1 is out of range"),
        ("watch_seconds", "soon", "watch_seconds", "must be a whole number, not 'soon'"),
        ("watch_seconds", True, "watch_seconds", "must be a whole number, not True"),
        ("disk_floor_gb", "much", "disk_floor_gb", "'much' is not a number"),
        ("disk_floor_gb", True, "disk_floor_gb", "True is not a number"),
        ("promote_window", "9-17", "promote_window", "09:00-17:00"),
        ("apps", {}, "stack shop.apps", "is empty"),
        ("apps", [], "stack shop.apps", "must be a mapping, not list"),
        ("apps.Mail", {"context": "m", "kind": "worker"}, "apps.Mail", "is not a name for an app"),
        ("apps.api.kind", "cron", "apps.api.kind", "choose one of web, worker"),
        ("apps.api.context", REMOVE, "apps.api.context", "is missing"),
        ("apps.api.context", "../etc", "apps.api.context", "is not valid"),
        ("apps.api.dockerfile", "a/../../b", "apps.api.dockerfile", "is not valid"),
        ("apps.api.port", REMOVE, "apps.api.port", "is missing"),
        ("apps.api.loopback_port", 80, "apps.api.loopback_port", "80 is out of range"),
        ("apps.api.health", REMOVE, "apps.api.health", "for example /health"),
        ("apps.api.health", "health", "apps.api.health", "is not valid"),
        ("apps.api.routes", REMOVE, "apps.api.routes", "at least one route"),
        ("apps.api.routes", [{"path": "/a/"}], "apps.api.routes[0].path", "ends with a slash"),
        ("apps.api.routes", [{"path": "/a;b"}], "apps.api.routes[0].path", "is not valid"),
        ("apps.api.routes", [{"path": "/_onehost/x"}], "apps.api.routes[0].path", "for the status page"),
        ("apps.api.routes", [{"strip_path": "perhaps"}], "routes[0].strip_path", "must be true or false"),
        ("apps.api.routes", ["/"], "apps.api.routes[0]", "must be a mapping, not str"),
        ("apps.api.routes", [{"path": "/x"}, {"path": "/x"}], "apps.api", "route /x is already taken by app api"),
        ("apps.front.routes", [{"path": "/"}], "apps.front", "route / is already taken by app api"),
        ("apps.api.keys", "both", "apps.api.keys", "choose one of none, public, private"),
        ("apps.api.memory", "lots", "apps.api.memory", "for example 512m"),
        ("apps.api.cpus", "half", "apps.api.cpus", "for example 0.5"),
        ("apps.api.replace", "never", "apps.api.replace", "start_first, stop_first"),
        ("apps.api.after", ["nobody"], "apps.api", "starts after 'nobody', which is not an app of this stack"),
        ("apps.api.after", ["front", "api"], "stack shop.apps", "wait for each other: api"),
        ("apps.api.compose", {"ports": ["80:80"]}, "apps.api.compose.ports", "is set by the platform"),
        ("apps.api.compose", {"environment": ["A=b"]}, "apps.api.compose.environment", "must be a mapping"),
        ("apps.api.colour", "red", "apps.api.colour", "is not a known option"),
        ("apps.mail.port", 3000, "apps.mail", "a worker has no routes and no ports"),
        ("apps.front.loopback_port", 21005, "apps.front", "overlaps the ports 21000 to 21009 of stack shop.apps.api"),
        ("keys", None, "apps.api", "wants its private key, but the stack has no `keys`"),
        ("colour", "red", "stack shop.colour", "choose one of"),
    ],
)
def test_each_mistake_is_named(path: str, value: Any, where: str, what: str) -> None:
    problems = problems_of(changed(path, value))
    assert any(where in problem and what in problem for problem in problems), problems


def test_all_mistakes_at_once() -> None:
    data = changed("apps.api.health", REMOVE)
    data["apps"]["front"]["routes"] = [{"path": "/"}]
    data["environments"]["staging"]["ports"] = []
    data["colour"] = "red"
    assert len(problems_of(data)) == 4


def test_no_mapping_at_all() -> None:
    assert "must be a mapping, not str" in problems_of("shop")[0]


def test_names_too_long_for_a_socket() -> None:
    data = shop_definition()
    data["apps"]["a" * 80] = {"context": "a", "kind": "worker"}
    assert any("too long for a unix socket" in problem for problem in problems_of(data))


def test_templates_give_text_and_text_is_read() -> None:
    """Ansible's templates turn numbers and booleans into text."""
    data = changed("disk_floor_gb", "2.5")
    data["watch_seconds"] = "7"
    data["apps"]["front"]["routes"] = [{"path": "/front", "strip_path": "Yes"}]
    data["apps"]["api"]["environment"] = {"DEBUG": True, "OFF": False, "LEVEL": 3, "NAME": "x"}
    stack = read_stack("shop", data)
    assert (stack.disk_floor_gb, stack.watch_seconds) == (2.5, 7)
    assert stack.apps["front"].routes[0].strip_path
    assert stack.apps["api"].environment == {"DEBUG": "true", "OFF": "false", "LEVEL": "3", "NAME": "x"}


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("with_env", [False, True])
def test_plain_data_and_back(in_place: bool, with_env: bool) -> None:
    stack = read_stack("shop", shop_definition(in_place))
    data = stack.to_mapping(with_env=with_env)
    again = read_stack("shop", data)
    assert again.to_mapping(with_env=with_env) == data
    assert again.apps == stack.apps and again.environments == stack.environments and again.keys == stack.keys
    assert (again.env == stack.env) is with_env
    assert ("db://1" in repr(data)) is with_env


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


def two(**changes: Any) -> dict[str, Any]:
    """A second stack beside the shop, at first without anything in common."""
    blog: dict[str, Any] = {
        "directory": "/srv/blog",
        "environments": {"staging": {"ports": [8300]}, "production": {"ports": [8400]}},
        "apps": {
            "blog": {
                "context": ".",
                "port": 80,
                "loopback_port": 22000,
                "health": "/",
                "routes": [{"path": "/"}],
            }
        },
    }
    return {"shop": shop_definition(), "blog": {**blog, **changes}}


def test_two_stacks_side_by_side() -> None:
    assert [stack.name for stack in read_stacks(two())] == ["blog", "shop"]
    shared = {
        "staging": {"ports": [8100], "hosts": ["blog.example"]},
        "production": {"ports": [80], "hosts": ["blog.example"]},
    }
    assert len(read_stacks(two(environments=shared))) == 2, "a port may be shared under another host name"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"directory": "/srv/shop"}, "directory /srv/shop is already used by stack blog"),
        (
            {"environments": {"staging": {"ports": [8300]}, "production": {"ports": [80]}}},
            "public address (any host):80",
        ),
        ({"environments": {"staging": {"ports": [8300]}, "production": {"ports": [8300]}}}, "public address"),
        (
            {"apps": {"api": {"context": "api", "kind": "worker"}}},
            "app name api is already used by stack blog",
        ),
        (
            {
                "apps": {
                    "blog": {
                        "context": ".",
                        "port": 1,
                        "loopback_port": 21015,
                        "health": "/",
                        "routes": [{"path": "/"}],
                    }
                }
            },
            "loopback_port 21015 overlaps",
        ),
    ],
)
def test_two_stacks_in_each_others_way(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(RefusedError, match=what.replace("(", r"\(").replace(")", r"\)")):
        read_stacks(two(**changes))


def test_two_stacks_whose_names_join_to_the_same() -> None:
    """`blog`, staging, app `staging-api`, and `blog-staging`, staging, app `api`."""
    both = two(apps={"staging-cron": {"context": "cron", "kind": "worker"}})
    both["other"] = {
        **both["blog"],
        "name": "blog-staging",
        "directory": "/srv/other",
        "environments": {"staging": {"ports": [8500]}, "production": {"ports": [8600]}},
        "apps": {"cron": {"context": "cron", "kind": "worker"}},
    }
    with pytest.raises(
        RefusedError, match=r"name in the switch blog-staging-staging-cron is already used by stack blog\."
    ):
        read_stacks(both)


def test_mistakes_of_two_stacks_at_once() -> None:
    both = two(directory="blog")
    both["shop"]["directory"] = "shop"
    with pytest.raises(RefusedError) as caught:
        read_stacks(both)
    assert len(caught.value.problems) == 2


def test_canonical_host_is_one_of_the_hosts() -> None:
    data = shop_definition()
    data["environments"]["production"].update(hosts=["shop.example", "www.shop.example"])
    assert read_stack("shop", data).environments["production"].main_host == "shop.example"
    data["environments"]["production"]["canonical_host"] = "www.shop.example"
    assert read_stack("shop", data).environments["production"].main_host == "www.shop.example"
    data["environments"]["production"]["canonical_host"] = "other.example"
    with pytest.raises(RefusedError, match=r"'other\.example' is none of `hosts`"):
        read_stack("shop", data)


#: What people and templates put where something else belongs.
AWKWARD: list[Any] = [
    *(None, True, 0, -1, 70000, 1.5, float("nan"), 10**30),
    *("", "/", "d", "[", "80", "a b", "\n", "../x", "${X}", "\xe9"),
    *([], [None], ["/"], [[]], [{}], {}, {"a": None}, {"": ""}, {"x": {"y": 1}}, {1: 2}),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in nested data."""
    found = [path] if path else []
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += places(item, (*path, key))
    return found


def test_whatever_stands_in_a_definition_is_told_and_never_a_traceback() -> None:
    """Every awkward value in every place of a stack, as people write it and with all keys there are."""
    written = shop_definition()
    written["env_matrix"] = {"DATABASE_URL": {"class": "secret", "type": "url", "same": True}}
    written["apps"]["api"]["flags"] = {"battle": {"default": True, "description": "fights"}}
    for whole in (written, read_stack("shop", written).to_mapping(with_env=True)):
        for place in places(whole):
            for value in AWKWARD:
                definition = copy.deepcopy(whole)
                here: Any = definition
                for key in place[:-1]:
                    here = here[key]
                here[place[-1]] = value
                try:
                    read_stacks({"shop": definition})
                except RefusedError:
                    pass
                except Exception as error:
                    raise AssertionError(f"{place} is {value!r}") from error
