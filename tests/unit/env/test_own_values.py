# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which values are an environment's own, and which of them can be told from everything else in an image."""

from __future__ import annotations

import pytest
from fakes.stacks import shop_with_matrix

from release.env.own_values import OwnValue, own_values, unsearched, why_not
from release.stack.model import Stack
from release.stack.reader import read_stack

BOTH = ("staging", "production")
LAYERS = {"staging": {"URL": "https://staging.shop.example/"}, "production": {"URL": "https://shop.example"}}


def stack(**keys: object) -> Stack:
    return read_stack("shop", shop_with_matrix(**keys))


@pytest.mark.parametrize(
    "value",
    [
        "https://api.shop.example",
        "https://user@api.shop.example:8443/v1?x=1",
        "wss://live.shop.example",
        "api.shop.example",
        "mail@shop.example",
        "10.20.30.40",
        "http://10.20.30.40:8080",
        "G-1A2B3C4D5E",
        "https://a.shop.example,https://b.shop.example",
    ],
)
def test_what_is_searched_for(value: str) -> None:
    assert why_not(value) == ""


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("true", "shorter"),
        ("3000", "shorter"),
        ("/", "shorter"),
        ("", "shorter"),
        ("12345678", "a word or a number"),
        ("production", "a word or a number"),
        ("3.14159265", "a word or a number"),
        ("eu-west-1", "a word or a number"),
        ("config.production.json", "a word or a number"),
        ("/api/v1/things", "a word or a number"),
        ("http://localhost:3000", "the machine itself"),
        ("http://127.0.0.1:3000", "the machine itself"),
        ("http://api.localhost:3000", "the machine itself"),
        ("redis://redis:6379", "without a domain"),
    ],
)
def test_what_stands_everywhere_is_not(value: str, why: str) -> None:
    assert why in why_not(value)


def test_only_what_no_other_environment_has() -> None:
    matrix = stack(URL={"distinct": True}, OTHER={"distinct": True}, SAME={}).env_matrix
    assert own_values(matrix, LAYERS, BOTH) == [
        OwnValue("URL", "staging", "https://staging.shop.example"),
        OwnValue("URL", "production", "https://shop.example"),
    ]
    # Whatever the key is called there.
    partner = {**LAYERS, "staging": {**LAYERS["staging"], "OTHER": "https://shop.example"}}
    assert [own.environment for own in own_values(matrix, partner, BOTH)] == ["staging"]


def test_secrets_are_searched_for_as_secrets() -> None:
    matrix = stack(URL={"class": "secret", "distinct": True}).env_matrix
    assert own_values(matrix, LAYERS, BOTH) == [] and unsearched(matrix, LAYERS, BOTH) == []


def test_what_is_not_searched_for_is_told() -> None:
    matrix = stack(PORT={"distinct": True}, URL={"distinct": "production"}, WORD={}).env_matrix
    layers = {"staging": {"PORT": "8000", "WORD": "one"}, "production": {"PORT": "8001", "WORD": "two"}}
    assert unsearched(matrix, layers, BOTH) == [
        "not searched for in images: PORT (staging, production), which is shorter than 8 bytes"
    ]
