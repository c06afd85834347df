# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The env matrix as text, table and JUnit, never with a value in it."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ET
from typing import Any

from fakes.stacks import shop_definition
from hypothesis import given
from hypothesis import strategies as st

from release.env import matrix_report
from release.env.matrix import Key, read_matrix
from release.env.matrix_check import check
from release.errors import Problem
from release.stack.reader import read_stack
from release.util.fields import Fields

BOTH = ("staging", "production")
Layers = dict[str, dict[str, str]]


def matrix_of(data: dict[str, Any]) -> dict[str, Key]:
    problems: list[Problem] = []
    matrix = read_matrix(Fields({"env_matrix": data}, "stack shop", problems), ("api", "front"), problems)
    assert problems == []
    return matrix


def layers(common: dict[str, str] | None = None, staging: Any = None, production: Any = None) -> Layers:
    return {"common": common or {}, "staging": staging or {}, "production": production or {}}


SECRET = {"class": "secret"}
CANARY = "kanarienvogel"
VALUES = st.sampled_from(
    [
        f"{CANARY}",
        f"http://u:{CANARY}@localhost/{CANARY}",
        f"postgresql://{CANARY}@db/{CANARY}",
        f"{CANARY}\\",
        "",
        "80",
    ]
)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "class": st.sampled_from(["public", "config", "secret"]),
        "environments": st.sampled_from([["staging"], ["production"], ["staging", "production"]]),
        "type": st.sampled_from(["text", "url", "port", "integer", "boolean", "base64"]),
        "distinct": st.booleans(),
        "pattern": st.sampled_from(["[a-z]+", "x.*"]),
        "max_age_days": st.integers(0, 5),
    },
)
NAMES = st.sampled_from(["A", "DB_HOST", "DATABASE_NAME", "VITE_A", "TOKEN"])


@given(st.dictionaries(NAMES, ROWS), *[st.dictionaries(NAMES, VALUES)] * 3)
def test_no_value_in_any_text(
    matrix: dict[str, Any], common: dict[str, str], staging: dict[str, str], production: dict[str, str]
) -> None:
    known = matrix_of(matrix)
    findings = check(known, layers(common, staging, production), BOTH, {("staging", "A"): 9.0})
    texts = [
        *matrix_report.lines(known, findings, BOTH),
        matrix_report.junit("shop", known, findings, BOTH),
        json.dumps(matrix_report.document("shop", findings, BOTH)),
        matrix_report.summary(findings),
    ]
    assert CANARY not in "\n".join(texts)


def test_the_table_has_a_column_for_each_environment() -> None:
    matrix = matrix_of({"TOKEN": SECRET, "ONLY": {"environments": ["staging"]}})
    findings = check(matrix, layers(None, {"TOKEN": "one-secret"}), BOTH)
    assert matrix_report.table(matrix, findings, BOTH) == [
        "key    class   common  staging  production",
        "ONLY   config          missing  -",
        "TOKEN  secret          ok       missing",
    ]


def test_junit_counts_and_escapes() -> None:
    matrix = matrix_of({"A": {"pattern": "<\"&'>"}, "B": {}})
    findings = check(matrix, layers({"A": "x", "B": "y"}), BOTH)
    suite = ET.fromstring(matrix_report.junit("shop", matrix, findings, BOTH))[0]
    assert (suite.get("tests"), suite.get("failures"), len(suite)) == ("4", "2", 4)
    assert "<\"&'>" in str(suite[0][0].get("message"))


def test_two_hundred_keys_are_checked_at_once() -> None:
    rows: dict[str, Any] = {f"KEY_{i}": {"class": ["public", "config", "secret"][i % 3]} for i in range(200)}
    definition = shop_definition()
    definition["secrets"] = []
    definition["apps"] = {f"app-{i}": {"context": "api", "kind": "worker"} for i in range(10)}
    definition["env_matrix"] = rows
    environments = ("development", "staging", "production")
    values = {name: {key: f"https://{name}.example/{key}" for key in rows} for name in environments}
    begun = time.perf_counter()
    stack = read_stack("shop", definition)
    findings = check(stack.env_matrix, values, environments, {})
    matrix_report.lines(stack.env_matrix, findings, environments)
    assert time.perf_counter() - begun < 1
