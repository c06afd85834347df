# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each key of a stack is read from its own place, has its default, and its limits."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from release.errors import RefusedError
from release.stack.model import App, Environment, Flag, Keys, Route, Stack
from release.stack.reader import read_stack

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
    "build_arguments": {"A": 1},
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
    "environment": {"B": True},
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
        env={"common": {"A": 1}, "staging": {"B": "2"}, "production": {"B": True}},
        secrets=["A"],
        watch_seconds=3,
        warm_seconds=4,
        disk_floor_gb=5.5,
        soak_minutes=6,
        promote_window="09:00-17:30",
        apps={"api": EVERY_APP_KEY, "web": web},
    )
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
        ("routes", [{"colour": 1}], "remove it, or choose one of: check, host, path, strip_path"),
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
