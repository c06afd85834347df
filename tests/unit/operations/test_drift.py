# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift in a deploy: told or refused, as the stack says, and nothing where it says nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import HEALTHY
from fakes.stacks import shop_with_matrix
from fakes.world import World

from release.operations import drift

UNKNOWN, DEAD = "fetch('https://other.shop.app')", "see https://dead.shop.app"


def world_with(tmp_path: Path, settings: dict[str, Any] | None, **others: str) -> World:
    definition = shop_with_matrix()
    if settings is not None:
        variables = dict.fromkeys(("COLOUR", "PUBLIC_URL", "LIMIT", "DATABASE_URL"), "read by a library")
        definition["drift"] = {"dead": {"dead.shop.app": "gone"}, "variables": variables, **settings}
    world = World(str(tmp_path), definition)
    world.git.commit(dict.fromkeys(world.stack.apps, HEALTHY))
    world.git.others = others
    return world


def deploy(world: World, **more: Any) -> tuple[list[str], list[str]]:
    report = world.run("deploy", **more)
    assert report is not None
    return [problem["where"] for problem in report.problems], report.notes


@pytest.mark.parametrize(
    ("settings", "stops", "told"),
    [
        ({}, ["a.md:1"], 0),
        ({"stops_deploy": "none"}, [], 2),
        ({"stops_deploy": "errors"}, ["a.md:1"], 0),
        ({"stops_deploy": "all"}, ["a.md:1", "b.ts:1"], 0),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_what_stops_a_deploy(
    tmp_path: Path, settings: dict[str, Any], stops: list[str], told: int, *, check: bool
) -> None:
    world = world_with(tmp_path, settings, **{"a.md": DEAD, "b.ts": UNKNOWN})
    problems, notes = deploy(world, check=check)
    assert problems == stops and len(notes) == told and len(world.git.searched) == 1
    assert bool(world.git.laid_out) is (not stops and not check), "refused before the build"


def test_warnings_are_told_and_the_deploy_goes_on(tmp_path: Path) -> None:
    world = world_with(tmp_path, {}, **{"b.ts": UNKNOWN})
    stops, told = deploy(world)
    assert stops == [] and world.router.does["staging"] != "none/none"
    assert told[0].startswith("drift: b.ts:1: https://other.shop.app is neither canonical nor allowed")


def test_very_many_are_told_briefly(tmp_path: Path) -> None:
    world = world_with(tmp_path, {}, **{f"{number}.ts": UNKNOWN for number in range(30)})
    _stops, told = deploy(world)
    assert len(told) == drift.TOLD + 1 and "25 more findings; ansible-playbook onehost.release.drift" in told[-1]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    world = world_with(tmp_path, {}, **{"a.md": DEAD})
    world.store.free = 0
    stops, _told = deploy(world)
    assert stops == ["disk", "a.md:1"]


def test_a_stack_without_it_reads_nothing(tmp_path: Path) -> None:
    world = world_with(tmp_path, None, **{"a.md": DEAD})
    report = world.good("deploy")
    assert world.git.searched == [] and report.notes == [] and "drift" not in report.steps
    assert "drift" not in world.stack.to_mapping(with_env=False)


def test_the_values_of_the_host_are_the_inventory(tmp_path: Path) -> None:
    world = world_with(
        tmp_path, {"canonical": ["https://api.shop.example"]}, **{"a.md": "COLOUR=https://api.shop.example/x"}
    )
    world.store.env["production"] = b"COLOUR=https://api.shop.example/v1\n"
    (found,) = drift.request(world.host, world.stack).new
    assert found.code == "other value" and "use https://api.shop.example/v1" in found.fix


def test_a_known_baseline(tmp_path: Path) -> None:
    known = json.dumps({"known": [{"name": "dead.shop.app", "reason": "the incident's report"}]})
    world = world_with(tmp_path, {"baseline": "docs/known.json"}, **{"a.md": DEAD, "docs/known.json": known})
    assert deploy(world) == ([], [])
