# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small functions that decide, each asked directly: what an app gets, what is missing, what a person is shown."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from support.fakes import World, shop_definition

from release.env.env_file import parse_env
from release.errors import Problem, RefusedError
from release.operations.observe import observe
from release.operations.status import status
from release.planning.preflight import PROVISION, check_apps, check_config, selected
from release.rendering.status import age, status_lines
from release.rendering.summary import is_a_name
from release.stack.app_env import files_of, slot_env, values_of
from release.stack.model import Stack
from release.stack.reader import read_stack

LAYERS = {"common": b"A='1'\nB='1'\n", "production": b"B='2'\nTOKEN='t'\n"}


def plain() -> Stack:
    return read_stack("shop", shop_definition())


def with_matrix() -> Stack:
    matrix = {
        "A": {"class": "config", "environments": ["staging", "production"], "apps": ["api"]},
        "B": {"class": "config", "environments": ["staging", "production"]},
        "ONLY_STAGING": {"class": "config", "environments": ["staging"]},
        "TOKEN": {"class": "secret", "environments": ["staging", "production"], "apps": ["api", "mail"]},
    }
    return read_stack("shop", {**shop_definition(), "secrets": [], "env_matrix": matrix})


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (("common", "production"), {"A": "1", "B": "2", "TOKEN": "t"}),
        (("common",), {"A": "1", "B": "1"}),
        (("production",), {"B": "2", "TOKEN": "t"}),
        ((), {}),
    ],
)
def test_without_a_matrix_an_app_gets_every_layer_that_is_there(
    layers: tuple[str, ...], expected: dict[str, str]
) -> None:
    assert values_of(plain(), "front", "production", {name: LAYERS[name] for name in layers}) == expected


def test_with_a_matrix_an_app_gets_what_is_its_own() -> None:
    stack, env = with_matrix(), {**LAYERS, "production": LAYERS["production"] + b"ONLY_STAGING='x'\n"}
    assert values_of(stack, "api", "production", env) == {"A": "1", "B": "2", "TOKEN": "t"}
    assert values_of(stack, "front", "production", env) == {"B": "2"}
    assert values_of(stack, "mail", "production", env) == {"B": "2", "TOKEN": "t"}


def test_env_files_of_a_slot() -> None:
    assert slot_env(plain(), "production", LAYERS) == LAYERS
    cut = slot_env(with_matrix(), "production", LAYERS)
    assert set(cut) == {"app-api", "app-front", "app-mail"}
    assert parse_env(cut["app-front"]) == {"B": "2"}


def test_a_value_that_no_file_can_hold_is_told_with_its_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("release.stack.app_env.values_of", lambda *_: {"B": "half a\rline"})
    with pytest.raises(RefusedError) as caught:
        slot_env(with_matrix(), "production", LAYERS)
    assert caught.value.problems[0].where == "env of api"


def test_the_common_layer_is_read_first() -> None:
    for names in (("common", "production"), ("production", "common"), ("a", "common")):
        assert files_of(plain(), "api", dict.fromkeys(names, b""))[0] == "common"
    assert files_of(with_matrix(), "api", LAYERS) == ["app-api"]


def test_every_app_that_is_not_one_is_named(world: World) -> None:
    request = dataclasses.replace(world.request("deploy"), apps=("api", "nobody", "no-one"))
    assert check_apps(world.stack, request) == [
        Problem(f"'{name}' is not an app of stack shop", "apps", "choose from api, front, mail")
        for name in ("nobody", "no-one")
    ]
    assert check_apps(world.stack, world.request("deploy")) == []


def test_every_file_that_is_missing_is_named(world: World) -> None:
    seen = observe(world.host, world.stack)
    assert check_config(world.stack, seen, "production") == []
    missing = dataclasses.replace(
        seen,
        env={"staging": {"common": b"", "staging": None}, "production": {"common": None, "production": b""}},
        keys={"jwt_private.pem": None, "jwt_public.pem": "known"},
    )
    place = f"{world.stack.directory}/config"
    assert check_config(world.stack, missing, "production") == [
        Problem("env file is missing", f"{place}/.env.common", PROVISION),
        Problem("key file is missing", f"{place}/keys/jwt_private.pem", PROVISION),
    ]
    assert [problem.where for problem in check_config(world.stack, missing, "staging")] == [
        f"{place}/.env.staging",
        f"{place}/keys/jwt_private.pem",
    ]


def test_an_operation_is_about_all_apps_or_those_asked_for(world: World) -> None:
    request = world.request("deploy")
    assert selected(world.stack, request) == ("api", "front", "mail")
    assert selected(world.stack, dataclasses.replace(request, apps=("mail",))) == ("mail",)


HOUR = 3600


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (119.9, "1 min"),
        (59 * 60 + 59, "59 min"),
        (HOUR, "1 h 0 min"),
        (47 * HOUR + 59 * 60, "47 h 59 min"),
        (48 * HOUR, "2 days 0 h"),
        (49 * HOUR, "2 days 1 h"),
        (30 * 24 * HOUR + 23 * HOUR, "30 days 23 h"),
    ],
)
def test_an_age_changes_its_unit_at_the_limit(seconds: float, text: str) -> None:
    assert age(seconds) == text


def screen(known: dict[str, Any]) -> str:
    return "\n".join(status_lines(known))


def test_an_app_that_only_one_environment_has(world: World) -> None:
    world.ship()
    known = status(world.host, world.stack, world.places)
    del known["environments"]["production"]["apps"]["mail"]
    staging = known["environments"]["staging"]["apps"]["mail"]
    row = next(line for line in status_lines(known) if line.startswith("   mail "))
    assert row.split() == ["mail", "healthy", staging["image"], staging["commit"][:7], "-"]
    assert "mail:" not in screen(known), "it is not missed"


def test_the_parts_of_the_screen_that_are_rarely_there(world: World) -> None:
    world.ship()
    known = status(world.host, world.stack, world.places)
    quiet = screen(known)
    for word in ("tag moved by hand", "secret ", "offline", "notification to", "unfinished", "running now", "cleanup"):
        assert word not in quiet
    for environment in known["environments"].values():
        environment["moved_tags"] = ["api:latest is not what runs"]
        environment["unfinished"] = ["20260101-promote"]
    known |= {
        "due": ["TOKEN is 91 days old"],
        "offline": "from a copy of yesterday",
        "flags": ["battle answers 503 in production"],
        "notifications": ["chat: HTTP 500"],
        "free_gb": 0.9,
        "floor_gb": 1.0,
    }
    lines = status_lines(known)
    for line in (
        "tag moved by hand: api:latest is not what runs; the next deploy moves it back",
        "tag moved by hand: api:latest is not what runs; the next promote or rollback moves it back",
        "unfinished: 20260101-promote; fix: ansible-playbook playbooks/recover.yml",
        "secret TOKEN is 91 days old",
        "values: provisioned offline, from a copy of yesterday; fix: ansible-playbook playbooks/provision.yml",
        "battle answers 503 in production",
        "notification to chat: HTTP 500; fix: sudo onehost notify",
        "disk: 0.9 GB free, floor 1 GB; ansible-playbook playbooks/cleanup.yml",
    ):
        assert line in lines, lines
    known["free_gb"] = 1.0
    assert status_lines(known)[-1] == "disk: 1.0 GB free, floor 1 GB"


def test_the_tables_of_the_screen(world: World) -> None:
    for number in range(4):
        world.commit({"api": "healthy"})
        world.good("deploy", reason=f"number {number}")
    world.good("promote")
    known = status(world.host, world.stack, world.places)
    lines = status_lines(known)
    head = next(index for index, line in enumerate(lines) if line.split() == ["release", "status", "by", "reason"])
    assert [line.rsplit(maxsplit=1)[-1] for line in lines[head + 1 : head + 4]] == ["3", "2", "1"], "the newest three"
    assert "production" in lines[head + 4] and lines[head + 4].split()[1:3] == ["live", "ann"]
    first = next(index for index, line in enumerate(lines) if line.split()[:2] == ["last", "operations"])
    operations = [line.split()[2:4] for line in lines[first + 1 : first + 6]]
    assert operations == [["promote", "production"], *[["deploy", "staging"]] * 4]


@pytest.mark.parametrize(
    ("version", "shown"),
    [("main", True), ("v1.4.0", True), ("abcdef012345", False), ("abcdef0123456789", False), ("", False)],
)
def test_a_version_is_shown_when_it_is_not_the_commit_again(version: str, shown: bool) -> None:
    assert is_a_name(version, "abcdef012345") is shown


def test_a_version_whose_commit_is_not_known() -> None:
    assert is_a_name("main", "") and not is_a_name("", "")
