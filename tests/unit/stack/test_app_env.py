# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each app gets of a stack's env."""

from __future__ import annotations

import pytest
from fakes.stacks import shop_definition, shop_with_matrix

from release.env.env_file import format_env, parse_env
from release.errors import RefusedError
from release.stack.app_env import build_secrets, files_of, slot_env, values_of
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


def test_what_a_build_gets_no_container_gets() -> None:
    definition = shop_with_matrix(NPM_TOKEN={"class": "secret"}, PIP_TOKEN={"class": "secret"})
    definition["apps"]["api"]["build_secrets"] = ["NPM_TOKEN"]
    stack = read_stack("shop", definition)
    env = {"common": b"NPM_TOKEN='c'\nPIP_TOKEN='p'\n", "staging": b"NPM_TOKEN='n'\n"}
    assert build_secrets(stack, "staging", env) == {"NPM_TOKEN": "n"}
    assert build_secrets(stack, "staging", {}) == {}
    for app in stack.apps:
        assert "NPM_TOKEN" not in values_of(stack, app, "staging", env)
        assert values_of(stack, app, "staging", env)["PIP_TOKEN"] == "p"


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


def test_each_app_gets_its_own_keys() -> None:
    stack = read_stack("shop", shop_with_matrix())
    env = {layer: format_env(values).encode() for layer, values in stack.env.items() if layer != "production"}
    files = slot_env(stack, "staging", env)
    assert {name: sorted(parse_env(data.decode())) for name, data in files.items()} == {
        "app-api": ["COLOUR", "DATABASE_URL", "LIMIT", "PUBLIC_URL"],
        "app-front": ["COLOUR", "PUBLIC_URL"],
        "app-mail": ["COLOUR", "DATABASE_URL", "PUBLIC_URL"],
    }
    assert parse_env(files["app-api"].decode())["LIMIT"] == "5"
    assert files_of(stack, "api", files) == ["app-api"]


def test_without_a_matrix_every_app_gets_the_layers() -> None:
    stack = read_stack("shop", shop_definition())
    env = {"staging": b"B='2'\n", "common": b"A='1'\n"}
    assert slot_env(stack, "staging", env) == env
    assert files_of(stack, "api", env) == ["common", "staging"]
