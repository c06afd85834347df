# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image that holds what one environment has of its own does not go live in the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fakes.docker import HEALTHY
from fakes.stacks import shop_with_matrix
from fakes.world import World

from release.errors import RefusedError
from release.operations import config_check
from release.stack.reader import read_stack

STAGING, PRODUCTION = "https://staging.shop.example", "https://shop.example"


def world_with(tmp_path: Path, **key: Any) -> World:
    definition = shop_with_matrix(PUBLIC_URL={"class": "public", "type": "url", "distinct": True, **key})
    definition["env"]["staging"]["PUBLIC_URL"] = STAGING
    definition["env"]["production"]["PUBLIC_URL"] = PRODUCTION
    world = World(str(tmp_path), definition)
    world.git.commit(dict.fromkeys(world.stack.apps, HEALTHY))
    return world


def no_go(world: World, **more: Any) -> list[str]:
    report = world.run("promote", **more)
    assert report is not None
    return [f"{g['gate']}: {g['evidence']}" for g in report.gates if g["result"] == "NO-GO"]


def test_staging_s_value_is_told_and_stops_the_promote(tmp_path: Path) -> None:
    world = world_with(tmp_path)
    world.docker.inside = f"url = '{STAGING}/v1'".encode()
    told = world.good("deploy").notes
    assert len(told) == 3 and all(
        "holds PUBLIC_URL of staging in /app/.env, so it cannot be promoted" in t for t in told
    )
    assert len(world.docker.exported) == 1
    (text,) = no_go(world)
    assert text.startswith("built_in_values: api holds PUBLIC_URL of staging in /app/.env; front holds")
    assert len(world.docker.exported) == 1, "what was found is known"
    assert STAGING not in str(world.store.clean), "the record names keys and places"
    assert world.good("promote", skip_gates=("built_in_values",)).changed


def test_production_s_value_stops_the_deploy(tmp_path: Path) -> None:
    world = world_with(tmp_path)
    world.docker.inside = f"url = '{PRODUCTION}'".encode()
    report = world.run("deploy")
    assert report is not None and report.failed and world.router.does["staging"] == "none/none"
    assert {p["what"] for p in report.problems} == {
        f"{app} holds PUBLIC_URL of production in /app/.env" for app in world.stack.apps
    }
    assert "docs/run-time-settings.md" in report.problems[0]["fix"]


@pytest.mark.parametrize(("pattern", "is_allowed"), [("*", True), ("/app/*", True), ("app/.env", True), ("x", False)])
def test_exceptions_with_a_reason(tmp_path: Path, pattern: str, is_allowed: bool) -> None:
    world = world_with(tmp_path, built_in={pattern: "the banner says where it runs"})
    world.docker.inside = f"url = '{STAGING}'".encode()
    assert bool(world.good("deploy").notes) is not is_allowed
    assert bool(no_go(world)) is not is_allowed


def test_a_changed_value_is_searched_for(tmp_path: Path) -> None:
    world = world_with(tmp_path)
    world.docker.inside = b"url = 'https://other.shop.example'"
    world.good("deploy")
    assert len(world.docker.exported) == 1
    world.docker.inside = b"url = 'https://new.shop.example'"
    world.store.env["staging"] = b"PUBLIC_URL=https://new.shop.example\n"
    assert no_go(world) and len(world.docker.exported) == 2


def test_without_such_keys_there_is_no_gate_and_no_search(tmp_path: Path) -> None:
    world = world_with(tmp_path, distinct=False)
    world.docker.inside = STAGING.encode()
    assert world.good("deploy").notes == []
    report = world.run("promote", check=True)
    assert report is not None and "built_in_values" not in {g["gate"] for g in report.gates}


def test_check_config_says_what_is_not_searched_for(tmp_path: Path) -> None:
    world = world_with(tmp_path)
    world.store.env["staging"] = b"PUBLIC_URL=http://localhost:80\n"
    told = config_check.report(world.host, world.stack, running=False, record=False, write=False)
    text = "not searched for in images: PUBLIC_URL (staging), which names the machine itself"
    assert told["unsearched"] == [text] and text in told["lines"] and told["ok"]


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ({"distinct": True, "built_in": {"*": ""}}, "has no reason"),
        ({"distinct": True, "built_in": ["x"]}, "must be a mapping"),
        ({"distinct": True, "built_in": {"": "because"}}, "is no name"),
        ({"built_in": {"*": "because"}}, "allows what is not searched for"),
        ({"class": "secret", "built_in": {"*": "because"}}, "would allow a secret"),
    ],
)
def test_bad_exceptions_are_refused(key: dict[str, Any], what: str) -> None:
    with pytest.raises(RefusedError, match=what):
        read_stack("shop", shop_with_matrix(PUBLIC_URL=key))


def test_exceptions_are_kept_with_the_stack() -> None:
    key = {"class": "public", "distinct": True, "built_in": {"*": "the banner"}}
    stack = read_stack("shop", shop_with_matrix(PUBLIC_URL=key))
    assert read_stack("shop", stack.to_mapping(with_env=True)) == stack
