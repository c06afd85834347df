# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration on the host: the gates, what runs, the age of secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes.docker import HEALTHY
from fakes.stacks import changed_stack, shop_definition, shop_with_matrix, shop_with_processes
from fakes.world import World

from release.env.env_file import format_env, parse_env
from release.operations import config_check
from release.operations.observe import observe
from release.operations.status import status
from release.rendering.status import status_lines
from release.stack.reader import read_stack


@pytest.fixture
def shop(one_by_one: None, tmp_path: Path) -> World:
    return World(str(tmp_path), shop_with_matrix())


def test_the_slot_names_the_files_of_its_apps(shop: World) -> None:
    shop.good("deploy")
    services = shop.store.files["/state/staging-blue/compose.json"]["services"]
    assert {name: item["env_file"] for name, item in services.items()} == {
        name: [f"/state/staging-blue/env.app-{name}"] for name in shop.stack.apps
    }


def test_only_the_apps_that_get_a_secret_are_created_anew(shop: World) -> None:
    """A rollback uses kept containers where nothing that they were created from has changed."""
    shop.ship()
    shop.ship()
    wanted = shop.store.files["/state/production-blue/compose.json"]["services"]
    before = {name: item["labels"]["release.onehost.created-from"] for name, item in wanted.items()}
    shop.rotate_secret()
    shop.good("rollback")
    wanted = shop.store.files["/state/production-blue/compose.json"]["services"]
    after = {name: item["labels"]["release.onehost.created-from"] for name, item in wanted.items()}
    assert {name for name in after if after[name] != before[name]} == {"api", "mail"}


def test_who_gets_a_key_is_part_of_a_release(shop: World) -> None:
    shop.good("deploy")
    assert "already" in shop.good("deploy").message
    shop.stack = read_stack("shop", shop_with_matrix(COLOUR={"apps": ["front"]}))
    assert shop.good("deploy").changed


def wrong_in(world: World, layer: str, **values: str) -> None:
    known = parse_env(world.store.env[layer].decode())
    world.store.env[layer] = format_env({**known, **values}).encode()


def test_a_deploy_is_stopped_by_what_concerns_staging(shop: World) -> None:
    wrong_in(shop, "staging", PUBLIC_URL="nothing-of-a-url", EXTRA="x")
    report = shop.run("deploy")
    assert report is not None and report.failed
    assert [p["what"] for p in report.problems] == [
        "EXTRA is not in the matrix",
        "PUBLIC_URL is not a URL (scheme://host…)",
    ]
    assert "nothing-of-a-url" not in json.dumps([report.problems, report.message])


def test_a_deploy_is_not_stopped_by_what_concerns_production(shop: World) -> None:
    wrong_in(shop, "production", PUBLIC_URL="nothing-of-a-url")
    shop.good("deploy")


def test_a_promote_has_the_configuration_as_its_first_gate(shop: World) -> None:
    shop.good("deploy")
    wrong_in(shop, "production", PUBLIC_URL="nothing-of-a-url")
    report = shop.run("promote")
    assert report is not None and report.failed
    assert report.gates[0] == {
        "gate": "config",
        "result": "NO-GO",
        "evidence": "1 finding(s): PUBLIC_URL in production: wrong type",
    }
    assert shop.good("promote", skip_gates=("config",)).changed


def test_an_old_secret_stops_a_deploy(shop: World) -> None:
    config_check.report(shop.host, shop.stack, running=False, record=True, write=True)
    shop.clock.time += 91 * 86400
    report = shop.run("deploy")
    assert report is not None and report.failed
    assert ["DATABASE_URL was last changed 91 days ago" in p["what"] for p in report.problems] == [True]
    shop.rotate_secret()
    config_check.report(shop.host, shop.stack, running=False, record=True, write=True)
    shop.good("deploy")


def test_a_missing_file_is_one_problem(shop: World) -> None:
    del shop.store.env["staging"]
    report = shop.run("deploy")
    assert report is not None and [p["what"] for p in report.problems] == ["env file is missing"]


def test_a_secret_in_an_image_stops_a_deploy(shop: World) -> None:
    wrong_in(shop, "common", DATABASE_URL="db://kanarienvogel")
    shop.docker.inside = b"url = 'db://kanarienvogel'"
    report = shop.run("deploy")
    assert report is not None and report.failed and shop.router.does["staging"] == "none/none"
    assert [p["what"] for p in report.problems] == ["holds DATABASE_URL (staging) in /app/.env"]
    assert "kanarienvogel" not in json.dumps(report.problems)


def test_an_image_is_searched_once_for_each_secret(shop: World) -> None:
    wrong_in(shop, "common", DATABASE_URL="db://kanarienvogel")
    config_check.report(shop.host, shop.stack, running=False, record=True, write=True)
    shop.ship()
    assert len(shop.docker.exported) == 1
    wrong_in(shop, "common", DATABASE_URL="db://another-bird")
    shop.docker.inside = b"db://another-bird"
    report = shop.run("promote")
    assert report is not None and report.failed and len(shop.docker.exported) == 2
    assert [g["gate"] for g in report.gates if g["result"] == "NO-GO"] == ["no_leaks"]
    assert shop.good("promote", skip_gates=("no_leaks",)).changed


def test_only_new_layers_are_read_where_they_lie_in_directories(shop: World) -> None:
    wrong_in(shop, "common", DATABASE_URL="db://kanarienvogel")
    shop.docker.is_laid_out = True
    config_check.report(shop.host, shop.stack, running=False, record=True, write=True)
    shop.ship()
    assert shop.docker.read.count("base") == 1 and not shop.docker.exported
    first = len(shop.docker.read)
    shop.git.commit({"api": HEALTHY})
    shop.good("deploy")
    assert len(shop.docker.read) == first + 1, "the layer of the one image that is new"
    wrong_in(shop, "common", DATABASE_URL="db://another-bird")
    shop.docker.inside = b"db://another-bird"
    report = shop.run("promote")
    assert report is not None and [g["gate"] for g in report.gates if g["result"] == "NO-GO"] == ["no_leaks"]
    assert shop.docker.read.count("base") == 2, "for another value everything is searched again"
    shop.docker.inside = b""
    again = shop.run("promote")
    assert again is not None and not again.failed, "what held a secret was not recorded"


def looked(world: World) -> dict[str, Any]:
    return config_check.report(world.host, world.stack, running=True, record=True, write=True)


def test_the_truth_inside_running_containers(shop: World) -> None:
    shop.ship()
    assert looked(shop)["ok"]
    shop.docker.more_inside, shop.docker.missing_inside = {"LEFT_OVER": "x"}, {"COLOUR"}
    result = looked(shop)
    found = {(f["key"], f["environment"], f["code"]) for f in result["findings"]}
    assert found == {
        (key, environment, code)
        for environment in ("staging", "production")
        for key, code in (("COLOUR", "missing"), ("LEFT_OVER", "not allowed here"))
    }


def test_a_value_that_waits_for_the_next_operation_is_a_note(shop: World) -> None:
    shop.ship()
    shop.docker.more_inside = {"COLOUR": "old"}
    result = looked(shop)
    assert result["ok"]
    assert any("staging api: COLOUR changed since it was started" in line for line in result["lines"])


def test_values_from_a_copy_are_recorded_until_their_source_answers(shop: World) -> None:
    def provisioned(note: str | None) -> str:
        config_check.report(shop.host, shop.stack, running=False, record=True, write=True, note=note)
        return "\n".join(status_lines(status(shop.host, shop.stack)))

    copy = "Doppler's config staging of 2026-11-21 03:00 UTC, 3 hours old then"
    assert copy in provisioned(copy)
    assert shop.store.record["notes"][-1]["note"] == copy
    assert copy in provisioned(None), "check_config.yml asks no source"
    assert copy not in provisioned("")


def test_check_mode_records_nothing(shop: World) -> None:
    result = config_check.report(shop.host, shop.stack, running=False, record=True, write=False)
    assert result["renewed"] and shop.store.record == {}


def test_observation_holds_the_record(shop: World) -> None:
    shop.store.record = {"format": 1}
    assert observe(shop.host, shop.stack).secret_record == {"format": 1}


BROKEN_FILES = [
    b"\xff\xfe\x00broken",
    b"A='never closed\n",
    b"A\n",
    b"=x\n",
    b"\x00\x00",
    b"",
    b"A=caf\xe9\n",
    b"<<<<<<< HEAD\nA='1'\n=======\nA='2'\n>>>>>>> other\n",
    "A='\u202e'\n".encode(),
]


@pytest.mark.parametrize("data", BROKEN_FILES)
@pytest.mark.parametrize("layer", ["common", "production"])
def test_broken_files_on_the_host(world: World, layer: str, data: bytes) -> None:
    """Whatever a hand has left there: looking never fails, and what would go live is stopped with a reason."""
    rows = {
        "A": {"environments": [layer]} if layer != "common" else {},
        "DATABASE_URL": {},
        "COLOUR": {},
        "PUBLIC_URL": {},
    }
    world.stack = read_stack("shop", shop_definition() | {"env_matrix": rows, "secrets": []})
    world.store.env[layer] = b"A='1'\n" + world.store.env[layer]
    world.ship()
    world.store.env[layer] = data
    report = config_check.report(world.host, world.stack, running=True, record=True, write=True)
    assert not report["ok"] and report["lines"] and observe(world.host, world.stack)
    assert status(world.host, world.stack).stack == "shop"
    promoted = world.run("promote")
    assert promoted is not None and promoted.failed and promoted.problems
    world.run("rollback")


# What a definition gives away


def test_a_build_argument_with_the_value_of_a_secret_is_refused(world: World) -> None:
    world.store.env["common"] = b"DATABASE_URL='postgres://shop:pw@db'\n"
    world.stack = changed_stack(world, api={"build_arguments": {"URL": "--with postgres://shop:pw@db"}})
    report = world.run("deploy")
    assert report is not None and report.failed
    (problem,) = report.problems
    assert problem["what"].startswith("DATABASE_URL is a build argument (apps.api.build_arguments.URL)")
    assert "build_secrets" in problem["fix"] and "pw@db" not in json.dumps(report.to_json())
    found = config_check.report(world.host, world.stack, running=False, record=False, write=False)
    assert not found["ok"] and "postgres" not in json.dumps(found)


@pytest.mark.parametrize(
    ("name", "value", "is_told"),
    [
        ("NPM_TOKEN", "x", True),
        ("npm_auth", "x", True),
        ("GITHUBTOKEN", "x", True),
        ("DB_PASSWORD", "x", True),
        ("PIP_INDEX_URL", "https://me:pw@pypi.example/simple", True),
        ("PIP_INDEX_URL", "https://pypi.example/simple", False),
        ("AUTHOR", "ann", False),
        ("KEYBOARD", "us", False),
        ("VERSION", "1", False),
    ],
)
def test_a_build_argument_that_looks_like_a_secret_is_warned_of(
    world: World, name: str, value: str, is_told: bool
) -> None:
    world.stack = changed_stack(world, api={"build_arguments": {name: value}, "pids": "unlimited"})
    found = config_check.report(world.host, world.stack, running=False, record=False, write=False)
    assert found["ok"], "a warning is no finding"
    assert found["warned"][-1] == "app api may start any number of processes"
    assert (len(found["warned"]) == 2) is is_told and "me:pw" not in json.dumps(found)
    assert all(f"warning: {text}" in found["lines"] for text in found["warned"])


def test_whose_image_it_is(one_by_one: None, tmp_path: Path) -> None:
    world = World(str(tmp_path), shop_with_processes())
    found = config_check.report(world.host, world.stack, running=False, record=False, write=False)
    assert "jobs runs the image of api" in found["lines"] and not found["warned"]
