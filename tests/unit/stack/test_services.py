# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services and volumes as people write them: what could not work is refused, all at once, with its place and fix."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.stacks import REDIS, shop_definition, shop_with_services

from release.errors import RefusedError
from release.stack.model import Service, ServiceHealth, Volume
from release.stack.networks import MOST_APPS
from release.stack.reader import read_stack


def told(definition: dict[str, Any]) -> list[tuple[str, str, str]]:
    with pytest.raises(RefusedError) as refused:
        read_stack("shop", definition)
    return [(problem.where, problem.what, problem.fix) for problem in refused.value.problems]


def test_what_is_written_is_what_is_read() -> None:
    definition = shop_with_services()
    definition["services"]["redis"].update(
        command=["redis-server"], user=999, memory="64m", environments=["staging"], environment={"A": "1"}
    )
    definition["services"]["search"]["environments"] = ["staging"]
    stack = read_stack("shop", definition)
    assert stack.volumes == {"data": Volume(999, backup=True), "uploads": Volume(10001)}
    assert stack.services["redis"] == Service(
        "redis",
        REDIS,
        ServiceHealth(port=6379),
        command=("redis-server",),
        environment={"A": "1"},
        volumes={"data": "/data"},
        user=999,
        memory="64m",
        health_seconds=5,
        environments=("staging",),
    )
    assert read_stack("shop", stack.to_mapping(with_env=True)) == stack
    assert stack.apps["api"].volumes == {"uploads": "/uploads"}


def test_without_them_a_definition_is_as_it_was_before() -> None:
    mapping = read_stack("shop", shop_definition()).to_mapping(with_env=True)
    assert not {"services", "volumes"} & mapping.keys()
    assert all("volumes" not in app for app in mapping["apps"].values())


@pytest.mark.parametrize(
    ("changes", "where", "what", "fix"),
    [
        ({"image": "redis:7"}, ".image", "names no digest", "@sha256:"),
        ({"image": "redis:latest@sha256:12"}, ".image", "names no digest", "imagetools"),
        ({"image": None}, ".image", "is missing", "sha256:"),
        ({"ports": ["6379:6379"]}, ".ports", "reach a service by its name", "remove"),
        ({"context": "redis"}, ".image", "does not go with `context`", "choose"),
        ({"context": "../redis", "image": None}, ".context", "is not valid", "inside the repository"),
        ({"build": "redis"}, ".build", "is not known here", "`context`"),
        ({"compose": {"init": True}}, ".compose", "is for apps", "keys of a service"),
        ({"replicas": 2}, ".replicas", "one of each service", "remove"),
        ({"volumes": {"data": None}}, ".volumes.data", "has no path", "{data: /data}"),
        ({"volumes": {"data": "data"}}, ".volumes.data", "is not an absolute path", "{data: /data}"),
        ({"volumes": {"data": "/"}}, ".volumes.data", "no directory of its own", ""),
        ({"volumes": {"data": "/a/../b"}}, ".volumes.data", "no directory of its own", ""),
        ({"volumes": {"data": "/d", "uploads": "/d"}}, ".volumes.uploads", "the place of another", ""),
        ({"volumes": {"date": "/data"}}, "", "mounts the volume 'date'", "known: data, uploads"),
        ({"health": None}, ".health", "is missing", "{port: 6379}"),
        ({"health": {"path": "/x"}}, ".health", "has a path and no port", "port"),
        ({"health": {}}, ".health", "asks nothing", "port"),
        ({"health": {"port": 1, "command": ["x"]}}, ".health", "has a port and a command", "choose one"),
        ({"environments": ["qa"]}, ".environments", "'qa' is not an environment", "staging, production"),
        ({"environments": []}, ".environments", "is empty", "leave it out"),
        ({"environments": ["staging"]}, "", "starts after redis, which is not in production", "environments"),
        ({"after": ["mail"]}, "", "'mail', which is not a service", "known: redis, search"),
        ({"after": ["search"]}, "s", "services wait for each other: redis, search", "break the cycle"),
        ({"capabilities": ["SYS_ADMIN"]}, ".capabilities", "is not one that is taken away", "no others"),
        ({"restart": "no"}, ".restart", "is not a known option", "choose one of"),
    ],
)
def test_what_could_not_work_is_told(changes: dict[str, Any], where: str, what: str, fix: str) -> None:
    definition = shop_with_services()
    definition["services"]["redis"].update(changes)
    found = told(definition)
    assert any(
        (
            place.endswith(f"services.redis{where}")
            or place.endswith(f"service{where}")
            or place.endswith("services.search")
        )
        and what in said
        and fix in how
        for place, said, how in found
    ), found


def test_all_at_once() -> None:
    definition = shop_with_services(
        mail={"image": "x", "health": {"port": 99}}, BAD={"image": REDIS, "health": {"port": 1}}
    )
    definition["volumes"]["uploads"] = {}
    definition["volumes"]["x"] = {"user": 1, "size": "1g"}
    definition["apps"]["api"]["volumes"] = {"uploads": "", "none": "/x"}
    found = {(where, what) for where, what, _fix in told(definition)}
    for where, what in (
        ("stack shop.services.mail", "is an app's name too, and apps could not tell which of them answers to it"),
        ("stack shop.services.mail.image", "'x' names no digest, so it may be another image tomorrow"),
        ("stack shop.services.BAD", "'BAD' is not a name for a service"),
        ("stack shop.volumes.uploads.user", "is missing"),
        ("stack shop.volumes.x.size", "is not a known option"),
        ("stack shop.apps.api.volumes.uploads", "has no path, the directory in the container"),
        ("stack shop.apps.api", "mounts the volume 'none', which the stack does not have"),
    ):
        assert (where, what) in found, found


def test_services_need_addresses_too() -> None:
    more = {f"s{i}": {"image": REDIS, "health": {"port": 1}} for i in range(MOST_APPS)}
    (found,) = told(shop_with_services(**more))
    assert "3 apps and 30 services" in found[1]


def test_the_matrix_may_name_services() -> None:
    definition = shop_with_services()
    definition["env_matrix"] = {"DATABASE_URL": {"class": "secret", "apps": ["redis"], "same": True}}
    assert read_stack("shop", definition).env_matrix["DATABASE_URL"].apps == ("redis",)
