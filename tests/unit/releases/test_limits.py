# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every container has limits, unless its definition says otherwise; what ran without them goes on doing so."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from fakes.stacks import REDIS, changed_stack, shop_definition, shop_with_services
from fakes.world import World

from release.errors import RefusedError
from release.releases import compose, limits
from release.releases.limits import Limits
from release.releases.services import wanted
from release.stack.model import Stack
from release.stack.reader import read_stack

GB = 2**30
KEYS = ("mem_limit", "pids_limit", "cap_drop", "cpus")


def stack_with(**api: Any) -> Stack:
    data = shop_definition()
    data["apps"]["api"].update(api)
    return read_stack("shop", data, stored=True)


def limits_of(memory_bytes: int = 8 * GB, **api: Any) -> dict[str, Any]:
    stack = stack_with(**api)
    service = compose.service(stack, stack.apps["api"], "staging", "image", Limits.of_host(memory_bytes))
    return {key: service[key] for key in KEYS if key in service}


DEFAULT = {"mem_limit": "4096m", "pids_limit": 512, "cap_drop": ["NET_RAW"]}


@pytest.mark.parametrize(
    ("api", "found"),
    [
        ({}, DEFAULT),
        ({"pids": 0, "memory": ""}, DEFAULT),
        ({"pids": 50, "memory": "1g", "cpus": "0.5"}, {**DEFAULT, "mem_limit": "1g", "pids_limit": 50, "cpus": "0.5"}),
        ({"pids": "unlimited"}, {"mem_limit": "4096m", "cap_drop": ["NET_RAW"]}),
        ({"memory": "unlimited"}, {"pids_limit": 512, "cap_drop": ["NET_RAW"]}),
        ({"capabilities": ["NET_RAW"]}, {"mem_limit": "4096m", "pids_limit": 512}),
        ({"compose": {"cap_drop": ["ALL"]}}, {**DEFAULT, "cap_drop": ["NET_RAW", "ALL"]}),
        ({"compose": {"pids_limit": -1}}, {**DEFAULT, "pids_limit": -1}),
        (
            {"compose": {"deploy": {"resources": {"limits": {"memory": "1g", "pids": 9}}}}},
            {"cap_drop": ["NET_RAW"]},
        ),
        ({"compose": {"deploy": {"resources": []}}}, DEFAULT),
    ],
)
def test_limits(api: dict[str, Any], found: dict[str, Any]) -> None:
    assert limits_of(**api) == found


@pytest.mark.parametrize(
    ("memory", "limit"),
    [
        (0, None),
        (100_000_000, None),
        (GB, "512m"),
        (GB - 40_000_000, "448m"),
        (2_061_000_000, "960m"),
        (24 * GB, "12288m"),
    ],
)
def test_a_share_of_the_host(memory: int, limit: str | None) -> None:
    assert limits_of(memory).get("mem_limit") == limit


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[("pids", item) for item in (-1, "many", "Unlimited", [], True, 10**9, "²")],
        *[("memory", item) for item in ("none", "0", "-1", "unlimited ", "half", [])],
        *[("capabilities", item) for item in ("NET_RAW", ["SYS_ADMIN"], ["net_raw"], [1], {"NET_RAW": True})],
    ],
)
def test_no_limit(key: str, value: Any) -> None:
    with pytest.raises(RefusedError, match=rf"apps\.api\.{key}: "):
        stack_with(**{key: value})


def test_opting_out_survives_the_file() -> None:
    stack = stack_with(pids="unlimited", memory="unlimited", capabilities=["NET_RAW"])
    assert read_stack("shop", stack.to_mapping(with_env=True)) == stack


def test_a_definition_of_before_reads_as_the_same() -> None:
    """Releases keep theirs; it must not seem to have changed because there is a new key."""
    stored = stack_with().to_mapping(with_env=True)
    assert "capabilities" not in stored["apps"]["api"]
    assert (stored["apps"]["api"]["pids"], stored["apps"]["api"]["memory"]) == (0, "")


def test_opting_out_is_warned_of() -> None:
    assert limits.warnings(stack_with()) == []
    assert limits.warnings(stack_with(pids="unlimited", memory="unlimited", capabilities=["NET_RAW"])) == [
        "app api may start any number of processes",
        "app api may take all memory of the host",
        "app api has the capability NET_RAW",
    ]
    own = {"privileged": True, "pids_limit": -1, "cap_add": ["ALL"]}
    assert [text.partition("app api ")[2] for text in limits.warnings(stack_with(compose=own))] == [
        "may start any number of processes",
        "has the capability NET_RAW",
        "is privileged, which makes it root on the host",
    ]
    assert limits.warnings(stack_with(compose={"cap_add": 5})) == []


def test_services_have_the_same_ones() -> None:
    stack = read_stack("shop", shop_with_services(cache={"image": REDIS, "health": {"port": 1}, "memory": "unlimited"}))
    assert limits.warnings(stack) == ["service cache may take all memory of the host"]
    env = {"common": b""}
    found = wanted(stack, "staging", env, "172.16.224.0/26", 8 * GB)
    assert found["redis"].compose["mem_limit"] == "4096m" and "mem_limit" not in found["cache"].compose
    assert (found["redis"].compose["pids_limit"], found["redis"].compose["cap_drop"]) == (512, ["NET_RAW"])
    assert found["redis"].compose["security_opt"] == ["no-new-privileges:true"]


# On a host that had none


@pytest.fixture
def before(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A host on which an engine without default limits has released."""
    world.host = dataclasses.replace(world.host, memory_bytes=8 * GB)
    with monkeypatch.context() as patch:
        patch.setattr(Limits, "of_host", classmethod(lambda cls, memory_bytes: cls()))
        world.ship()
        world.ship(api="healthy")
    return world


def services(world: World, environment: str, slot: str) -> dict[str, Any]:
    found: dict[str, Any] = world.store.files[f"/state/{environment}-{slot}/compose.json"]["services"]
    return found


def test_a_promote_brings_no_limit_that_staging_did_not_try(before: World) -> None:
    assert "already runs" in before.good("promote").message
    built = before.docker.built
    before.stack = changed_stack(before, api={"environment": {"A": "1"}})
    report = before.good("deploy")
    assert report.changed and before.docker.built == built, "new containers of the same images"
    live = before.entries("staging")[-1].release
    assert {key: live.services["api"].get(key) for key in DEFAULT} == DEFAULT
    before.good("promote")
    live = before.entries("production")[-1].release
    assert all({key: service.get(key) for key in DEFAULT} == DEFAULT for service in live.services.values())


def test_a_rollback_to_a_release_of_before_runs_as_it_did(before: World) -> None:
    before.good("deploy")
    before.good("promote")
    before.good("rollback")
    live = before.host.router.live("shop", "production")
    assert live is not None
    assert not any(key in service for service in services(before, "production", live.slot).values() for key in KEYS)
