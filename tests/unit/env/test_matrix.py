# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the env matrix is read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes.stacks import shop_definition

from release.env.matrix import read_matrix
from release.errors import Problem, RefusedError
from release.stack.reader import read_stack
from release.util.fields import Fields

SECRET = {"class": "secret"}
BAD_ROWS: list[tuple[dict[str, Any], str]] = [
    ({"class": "hidden"}, "class"),
    ({"environments": ["prod"]}, "environments"),
    ({"environments": []}, "environments"),
    ({"apps": ["nobody"]}, "apps"),
    ({"type": "number"}, "type"),
    ({"pattern": "("}, "pattern"),
    ({"type": "enum"}, "values"),
    ({"type": "url", "values": ["a"]}, "values"),
    ({"type": "url", "bytes": 3}, "bytes"),
    ({"same": True, "distinct": True}, "distinct"),
    ({"distinct": "sometimes"}, "distinct"),
    ({"class": "secret", "default": "x"}, "default"),
    ({"class": "secret", "equals": "x"}, "equals"),
    ({"equals": {"prod": "x"}}, "equals.prod"),
    ({"max_age": 3}, "max_age"),
]


@pytest.mark.parametrize(("row", "where"), BAD_ROWS, ids=[json.dumps(row) for row, _ in BAD_ROWS])
def test_a_bad_row_is_named(row: dict[str, Any], where: str) -> None:
    problems: list[Problem] = []
    read_matrix(Fields({"env_matrix": {"A": row}}, "stack shop", problems), ("api",), problems)
    assert [p.where for p in problems] == [f"stack shop.env_matrix.A.{where}"]


@pytest.mark.parametrize(
    ("row", "what", "fix"),
    [
        ({"equals": "${A}"}, "names the key itself, which says nothing", "name another key"),
        (
            {"equals": "${B}/${environment}"},
            "names B, which is not a key of the matrix",
            "correct the name, or add the key",
        ),
        ({"apps": []}, "is empty", "leave it out to mean all, or remove the key from the matrix"),
        ({"apps": ["nobody"]}, "'nobody' is not known", "choose from api, web"),
        ({"environments": ["prod"]}, "'prod' is not known", "choose from development, staging, production, preview"),
    ],
)
def test_a_bad_row_is_told_with_its_mend(row: dict[str, Any], what: str, fix: str) -> None:
    problems: list[Problem] = []
    read_matrix(Fields({"env_matrix": {"A": row}}, "stack shop", problems), ("api", "web"), problems)
    assert [(p.what, p.fix) for p in problems] == [(what, fix)]


@pytest.mark.parametrize(
    ("row", "written"),
    [
        (None, {"class": "config", "distinct": False, "max_age_days": 0}),
        ({"distinct": True, "default": "true"}, {"distinct": True, "default": "true"}),
        ({"distinct": "production", "default": "false"}, {"distinct": "production", "default": "false"}),
        ({"distinct": False, "default": "3"}, {"distinct": False, "default": "3"}),
        ({"class": "secret"}, {"class": "secret", "distinct": "production", "max_age_days": 90}),
        ({"class": "secret", "same": True}, {"class": "secret", "distinct": False, "same": True, "max_age_days": 90}),
        ({"values": ["a", "true"]}, {"values": ["a", "true"], "type": "enum"}),
        ({"bytes": 3}, {"bytes": 3, "type": "base64"}),
        ({"equals": "x"}, {"equals": "x"}),
        ({"equals": {"staging": "x"}}, {"equals": {"staging": "x"}}),
        ({"apps": ["api"], "optional": True}, {"apps": ["api"], "optional": True}),
    ],
)
def test_what_a_row_means(row: dict[str, Any] | None, written: dict[str, Any]) -> None:
    problems: list[Problem] = []
    key = read_matrix(Fields({"env_matrix": {"A": row}}, "stack shop", problems), ("api",), problems)["A"]
    plain = {"class": "config", "distinct": False, "max_age_days": 0}
    assert problems == [] and key.to_mapping() == {**plain, **written}


def test_all_problems_of_a_matrix_at_once() -> None:
    definition = shop_definition()
    definition["env_matrix"] = {"A": {"class": "x"}, "B": {"type": "y"}, "9": {}}
    with pytest.raises(RefusedError) as refused:
        read_stack("shop", definition)
    assert len(refused.value.problems) == 4  # and DATABASE_URL, which `secrets` names, is not in the matrix


def test_secrets_come_from_the_matrix() -> None:
    definition = {**shop_definition(), "secrets": []}
    definition["env_matrix"] = {"DATABASE_URL": SECRET, "COLOUR": {}, "TOKEN": {"class": "secret"}}
    assert read_stack("shop", definition).secrets == ("DATABASE_URL", "TOKEN")


def test_a_matrix_survives_its_file() -> None:
    definition = shop_definition()
    definition["env_matrix"] = {
        "DATABASE_URL": {"class": "secret", "same": True, "max_age_days": 30, "description": "the shop's data"},
        "COLOUR": {"values": ["red", "false", "3"], "default": "false"},
        "A": {"class": "public", "type": "url", "distinct": True, "apps": ["api"], "equals": "http://${environment}"},
        "B": {"class": "secret", "bytes": 32, "distinct": "production", "environments": ["production"]},
        "C": {"equals": {"staging": "x", "production": "y"}, "optional": True, "pattern": "[xy]"},
        "D": None,
    }
    stack = read_stack("shop", definition)
    on_disk = json.loads(json.dumps(stack.to_mapping(with_env=False)))
    assert read_stack("shop", on_disk).env_matrix == stack.env_matrix
