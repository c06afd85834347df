# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a stack's definition: each mistake is named, with its place, and all of them at once."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
from fakes.stacks import shop_definition, shop_with_processes
from support.profiles import ONE_IN

from release.errors import RefusedError
from release.stack.model import App, Environment, Flag, Keys, Route, Stack
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
        ("version", 1.10, "stack shop.version", "write it in quotes"),
        ("environments.production.hosts", [1.10], "production.hosts", "write it in quotes"),
        ("build_arguments", {"A": 0o755}, "build_arguments.A", "write it in quotes"),
        ("env.common", {"A": False}, "env.common.A", "write it in quotes"),
        ("apps.api.environment", {"A": 12}, "apps.api.environment.A", "write it in quotes"),
        ("apps.api.compose", {"environment": {"A": 12}}, "compose.environment.A", "write it in quotes"),
        ("env_matrix", {"A": {"default": 0o644}}, "env_matrix.A.default", "write it in quotes"),
        ("env_matrix", {"A": {"values": ["x", 1]}}, "env_matrix.A.values", "write it in quotes"),
        ("apps.mail.health", "/health", "apps.mail.health", "a worker answers none"),
        ("apps.api.health_status", [200], "apps.api.health_status", "200 is no status from 300 to 499"),
        ("apps.api.health_status", [True], "apps.api.health_status", "True is no status"),
        ("apps.api.health_status", 302, "apps.api.health_status", "must be a list"),
        ("apps.api.health_host", "*.example", "apps.api.health_host", "is not valid"),
        ("apps.api.health_command", ["x"], "apps.api.health_command", "is for workers"),
        ("apps.mail.health_command", "x", "apps.mail.health_command", "must be a list of texts"),
        ("apps.mail.health_host", "a.example", "apps.mail.health_host", "has no effect on a worker"),
        ("apps.mail.health_status", [302], "apps.mail.health_status", "has no effect on a worker"),
        ("apps.mail.body_limit", "1g", "apps.mail.body_limit", "has no effect on a worker"),
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
        ("env.common", {"A-B": "1"}, "env.common.A-B", "is not a name for an environment variable"),
        ("env.test", {}, "env.test", "is not a known option"),
        ("env.common", {"A": None}, "env.common.A", "must be text, and nothing stands there"),
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
        ("apps.api.replicas", 0, "apps.api.replicas", "0 is out of range"),
        ("apps.api.replicas", 9, "apps.api.replicas", "9 is out of range"),
        ("apps.api.replicas", "many", "apps.api.replicas", "must be a whole number, not 'many'"),
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
    """Ansible's templates may turn numbers and booleans into text, where those are meant."""
    data = changed("disk_floor_gb", "2.5")
    data["watch_seconds"] = "7"
    data["apps"]["front"]["routes"] = [{"path": "/front", "strip_path": "Yes"}]
    stack = read_stack("shop", data)
    assert (stack.disk_floor_gb, stack.watch_seconds) == (2.5, 7)
    assert stack.apps["front"].routes[0].strip_path


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


def test_canonical_host_is_one_of_the_hosts() -> None:
    data = shop_definition()
    data["environments"]["production"].update(hosts=["shop.example", "www.shop.example"])
    assert read_stack("shop", data).environments["production"].main_host == "shop.example"
    data["environments"]["production"]["canonical_host"] = "www.shop.example"
    assert read_stack("shop", data).environments["production"].main_host == "www.shop.example"
    data["environments"]["production"]["canonical_host"] = "other.example"
    with pytest.raises(RefusedError, match=r"'other\.example' is not one of `hosts`"):
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
        for place, value in itertools.islice(itertools.product(places(whole), AWKWARD), 0, None, ONE_IN):
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


LEAST: dict[str, Any] = {
    "directory": "/srv/shop",
    "environments": {"staging": {"ports": [8100]}, "production": {"ports": [8200]}},
    "apps": {"api": {"context": "api", "port": 3000, "loopback_port": 21000, "health": "/h", "routes": [{}]}},
}
EVERY_APP_KEY: dict[str, Any] = {
    "kind": "web",
    "context": "src/api",
    "dockerfile": "docker/Api.dockerfile",
    "build_target": "final",
    "build_arguments": {"A": "1"},
    "port": 3001,
    "loopback_port": 21010,
    "health": "/ready?deep=1",
    "health_seconds": 61,
    "routes": [{"path": "/api", "host": "api.example", "strip_path": True, "check": "/api/ready"}],
    "keys": "public",
    "user": 10002,
    "memory": "64m",
    "cpus": "0.5",
    "pids": 99,
    "environment": {"B": "true"},
    "compose": {"read_only": True},
    "drain_seconds": 11,
    "stop_seconds": 12,
    "timeout_seconds": 62,
    "body_limit": "20m",
    "after": ["web"],
    "replace": "stop_first",
    "flags": {"battle": {"default": False, "description": "fights", "route": "/api/battle"}, "plain": None},
}


def stack(**changes: Any) -> Stack:
    return read_stack("shop", {**copy.deepcopy(LEAST), **changes})


def app(**changes: Any) -> App:
    apps = copy.deepcopy(LEAST["apps"])
    apps["api"].update(changes)
    return stack(apps=apps).apps["api"]


def test_the_least_that_must_be_said() -> None:
    found = stack()
    assert found.environments == {
        "staging": Environment("staging", (8100,), ()),
        "production": Environment("production", (8200,), ()),
    }
    assert (found.name, found.directory, found.owner, found.source, found.version) == (
        "shop",
        "/srv/shop",
        "ubuntu",
        "",
        "main",
    )
    assert (found.keys, found.build_arguments, found.secrets, found.env_matrix) == (None, {}, (), {})
    assert found.env == {"common": {}, "staging": {}, "production": {}}
    assert (found.watch_seconds, found.warm_seconds, found.disk_floor_gb) == (10, 0, 20)
    assert (found.soak_minutes, found.promote_window) == (0, "")
    assert found.apps["api"] == App(
        name="api",
        kind="web",
        context="api",
        dockerfile="Dockerfile",
        build_target="",
        build_arguments={},
        port=3000,
        loopback_port=21000,
        health="/h",
        health_seconds=60,
        routes=(Route("/"),),
        keys="none",
        user=None,
        memory="",
        cpus="",
        pids=0,
        environment={},
        compose={},
        drain_seconds=10,
        stop_seconds=10,
        timeout_seconds=60,
        body_limit="10m",
        after=(),
        replace="start_first",
        flags={},
    )


def test_everything_that_can_be_said() -> None:
    web = {**LEAST["apps"]["api"], "routes": [{"path": "/web"}]}
    found = stack(
        name="the-shop",
        owner="ann",
        source="https://git.example.com/shop.git",
        version="release/1",
        environments={"staging": {"ports": ["8100", 8101], "hosts": ["s.example"]}, "production": {"ports": [80]}},
        keys={"mount": "/keys", "user": 10003, "overlap_hours": 1.5},
        build_arguments={"C": "x"},
        env={"common": {"A": "1"}, "staging": {"B": "2"}, "production": {"B": "true"}},
        secrets=["A"],
        watch_seconds=3,
        warm_seconds=4,
        disk_floor_gb=5.5,
        soak_minutes=6,
        promote_window="09:00-17:30",
        checkout=False,
        apps={"api": EVERY_APP_KEY, "web": web},
    )
    assert not found.checkout and stack().checkout
    assert found.environments["staging"] == Environment("staging", (8100, 8101), ("s.example",))
    assert (found.name, found.owner, found.source, found.version) == (
        "the-shop",
        "ann",
        "https://git.example.com/shop.git",
        "release/1",
    )
    assert found.keys == Keys("/keys", 10003, 1.5)
    assert found.build_arguments == {"C": "x"} and found.secrets == ("A",)
    assert found.env == {"common": {"A": "1"}, "staging": {"B": "2"}, "production": {"B": "true"}}
    assert (found.watch_seconds, found.warm_seconds, found.disk_floor_gb) == (3, 4, 5.5)
    assert (found.soak_minutes, found.promote_window) == (6, "09:00-17:30")
    assert found.apps["api"] == App(
        name="api",
        kind="web",
        context="src/api",
        dockerfile="docker/Api.dockerfile",
        build_target="final",
        build_arguments={"A": "1"},
        port=3001,
        loopback_port=21010,
        health="/ready?deep=1",
        health_seconds=61,
        routes=(Route("/api", "api.example", True, "/api/ready"),),
        keys="public",
        user=10002,
        memory="64m",
        cpus="0.5",
        pids=99,
        environment={"B": "true"},
        compose={"read_only": True},
        drain_seconds=11,
        stop_seconds=12,
        timeout_seconds=62,
        body_limit="20m",
        after=("web",),
        replace="stop_first",
        flags={"battle": Flag(False, "fights", "/api/battle"), "plain": Flag(True, "", "")},
    )


@pytest.mark.parametrize(
    ("key", "lowest", "highest"),
    [
        ("port", 1, 65535),
        ("loopback_port", 1024, 65525),
        ("health_seconds", 1, 1800),
        ("user", 0, 2**31 - 1),
        ("pids", 0, 4194304),
        ("drain_seconds", 0, 3600),
        ("stop_seconds", 1, 600),
        ("timeout_seconds", 1, 86400),
    ],
)
def test_limits_of_an_app(key: str, lowest: int, highest: int) -> None:
    assert getattr(app(**{key: lowest}), key) == lowest and getattr(app(**{key: highest}), key) == highest
    for beyond in (lowest - 1, highest + 1):
        with pytest.raises(RefusedError, match=f"apps.api.{key}: {beyond} is out of range"):
            app(**{key: beyond})


@pytest.mark.parametrize(
    ("key", "lowest", "highest"),
    [
        ("watch_seconds", 0, 3600),
        ("warm_seconds", 0, 604800),
        ("disk_floor_gb", 0, 100000),
        ("soak_minutes", 0, 100000),
    ],
)
def test_limits_of_a_stack(key: str, lowest: int, highest: int) -> None:
    assert getattr(stack(**{key: lowest}), key) == lowest and getattr(stack(**{key: highest}), key) == highest
    for beyond in (lowest - 1, highest + 1):
        with pytest.raises(RefusedError, match=rf"shop.{key}: {beyond} is "):
            stack(**{key: beyond})


@pytest.mark.parametrize(
    ("key", "value", "fix"),
    [
        ("context", "../api", "the app's folder inside the repository"),
        ("context", "a/../b", "the app's folder inside the repository"),
        ("dockerfile", "/etc/passwd", "must match"),
        ("dockerfile", "x/..", "must match"),
        ("build_target", "a b", "must match"),
        ("health", "h", "set `health` to the path that answers 200 when the app is ready, for example /health"),
        ("memory", "0m", "for example 512m"),
        ("memory", "1t", "for example 512m"),
        ("cpus", ".5", "for example 0.5"),
        ("body_limit", "10g5", "for example 10m"),
        ("keys", "secret", "choose one of none, public, private"),
        ("replace", "never", "choose one of start_first, stop_first"),
        ("kind", "cron", "choose one of web, worker"),
        ("flags", {"9": {}}, "must match"),
        ("flags", {"a": {"route": "b"}}, "a path as visitors ask for it, for example /battle"),
        ("flags", {"a": {"route": "/b/"}}, "write '/b'; it covers both"),
        ("flags", {"a": {"colour": 1}}, "remove it, or choose one of: default, description, route"),
        ("routes", [{"path": "/a/"}], "write '/a'; it covers both"),
        ("routes", [{"colour": 1}], "remove it, or choose one of: canonical, check, host, path, strip_path, until"),
        ("routes", [], "give a web app at least one route, for example [{path: /}]; or `kind: worker`"),
        ("compose", {"ports": []}, "remove it"),
        ("compose", {"environment": []}, "write `KEY: value`, or use the app's own `environment`"),
    ],
)
def test_what_mends_a_mistake(key: str, value: Any, fix: str) -> None:
    with pytest.raises(RefusedError) as caught:
        app(**{key: value})
    (problem, *_others) = caught.value.problems
    assert problem.where.startswith("stack shop.apps.api") and problem.fix.startswith(fix), problem


def test_build_secrets_and_checkout_survive_a_round_trip() -> None:
    """A release keeps its definition; one of before has neither, and its apps are the same."""
    assert "build_secrets" not in stack().to_mapping(with_env=False)["apps"]["api"]
    apps = {"api": {**copy.deepcopy(LEAST["apps"]["api"]), "build_secrets": ["B"]}}
    matrix = {"A": {"class": "secret"}, "B": {"class": "secret"}}
    found = stack(build_secrets=["A"], checkout=False, env_matrix=matrix, apps=apps)
    assert found.build_secrets_of(found.apps["api"]) == ("A", "B")
    assert read_stack("shop", found.to_mapping(with_env=False)) == found


def test_health_of_before_reads_as_the_same() -> None:
    """Releases keep their definition; it must not seem to have changed because there are new keys."""
    new = {"health_status": [302], "health_host": "a.example"}
    assert not {"health_command", *new} & stack().to_mapping(with_env=False)["apps"]["api"].keys()
    definition = shop_definition()
    definition["apps"]["api"] |= new
    definition["apps"]["mail"]["health_command"] = ["ping"]
    found = read_stack("shop", definition)
    assert read_stack("shop", found.to_mapping(with_env=True)) == found
    assert (found.apps["api"].health_status, found.apps["mail"].health_command) == ((302,), ("ping",))


def test_patterns_of_a_build() -> None:
    data = shop_definition()
    data["apps"]["api"]["build_ignores"] = ["*.md", "docs/", "!docs/api.md"]
    stack = read_stack("shop", data)
    assert stack.apps["api"].build_ignores == ("*.md", "docs/", "!docs/api.md")
    assert read_stack("shop", stack.to_mapping(with_env=True)) == stack
    assert "build_ignores" not in stack.to_mapping(with_env=True)["apps"]["front"], "as in releases of before"
    data["apps"]["api"]["build_ignores"] = ["docs[", "!"]
    with pytest.raises(RefusedError) as refused:
        read_stack("shop", data)
    assert [problem.what for problem in refused.value.problems] == [
        "'docs[' has '[' in a place where it says nothing",
        "'!' names nothing",
    ]


def test_an_app_of_anothers_image() -> None:
    stack = read_stack("shop", shop_with_processes())
    jobs = stack.apps["jobs"]
    assert (jobs.image_of, jobs.builder, jobs.command) == ("api", "api", ("node", "jobs.js"))
    assert stack.apps["api"].builder == "api"
    mapping = stack.to_mapping(with_env=True)
    assert not {"context", "dockerfile", "build_target", "build_arguments"} & mapping["apps"]["jobs"].keys()
    assert read_stack("shop", mapping) == stack
    assert not {"image_of", "command"} & mapping["apps"]["api"].keys(), "releases of before have none, and are the same"


@pytest.mark.parametrize(
    ("image_of", "what", "fix"),
    [
        ("none", "stack shop.apps.jobs.image_of: 'none' is not an app of this stack", "api, front, mail"),
        ("jobs", "stack shop.apps.jobs.image_of: names the app itself", "name another app"),
        (
            "more",
            "stack shop.apps.jobs.image_of: more has no image of its own: it runs that of api",
            "api, front, mail",
        ),
        ("Api", "stack shop.apps.jobs.image_of: 'Api' is not valid", "an app of this stack"),
        (["api"], "stack shop.apps.jobs.image_of: must be text", ""),
    ],
)
def test_the_app_whose_image_it_is_has_one(image_of: Any, what: str, fix: str) -> None:
    data = shop_with_processes(image_of=image_of)
    data["apps"]["more"] = {"image_of": "api", "kind": "worker"}
    assert any(what in problem and fix in problem for problem in problems_of(data)), problems_of(data)


def test_apps_that_would_run_each_others_image() -> None:
    data = shop_with_processes(image_of="more")
    data["apps"]["more"] = {"image_of": "jobs", "kind": "worker"}
    assert [problem for problem in problems_of(data) if "has no image of its own" in problem] == problems_of(data)


def test_how_it_is_built_is_said_once_and_all_at_once() -> None:
    settings: dict[str, Any] = {
        "context": "jobs",
        "dockerfile": "Dockerfile",
        "build_target": "jobs",
        "build_arguments": {"A": "1"},
        "build_secrets": ["TOKEN"],
        "build_ignores": ["docs"],
        "compose": {"command": "other"},
    }
    found = problems_of(shop_with_processes(**settings, image_of="none"))
    for key in list(settings)[:-1]:
        assert any(f"apps.jobs.{key}: does not go with `image_of`" in problem for problem in found), key
    assert any("apps.jobs.command: is said twice" in problem and "compose.command" in problem for problem in found)
    assert any("'none' is not an app of this stack" in problem for problem in found)


def test_a_command_is_a_list_of_words() -> None:
    assert read_stack("shop", changed("apps.mail.command", ["node", "mail.js"])).apps["mail"].command == (
        "node",
        "mail.js",
    )
    (problem,) = problems_of(changed("apps.mail.command", "node mail.js"))
    assert "apps.mail.command: must be a list of texts" in problem
