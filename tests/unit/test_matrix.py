# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The env matrix: how it is read, what it finds, and that it never repeats a value."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import shop_definition

from release.env import matrix_report
from release.env.matrix import Key, read_matrix
from release.env.matrix_check import CODES, Finding, check, concerning
from release.env.value_types import TYPES, wrong
from release.errors import Problem, RefusedError
from release.stack.reader import read_stack
from release.util.fields import Fields

BOTH = ("staging", "production")
Layers = dict[str, dict[str, str]]


def matrix_of(data: dict[str, Any]) -> dict[str, Key]:
    problems: list[Problem] = []
    matrix = read_matrix(Fields({"env_matrix": data}, "stack shop", problems), ("api", "front"), problems)
    assert problems == []
    return matrix


def found(data: dict[str, Any], layers: Layers, **options: Any) -> list[tuple[str, str, str]]:
    return [(f.key, f.environment, f.code) for f in check(matrix_of(data), layers, BOTH, **options)]


def layers(common: dict[str, str] | None = None, staging: Any = None, production: Any = None) -> Layers:
    return {"common": common or {}, "staging": staging or {}, "production": production or {}}


def each(key: str, staging: str, production: str) -> Layers:
    return layers(None, {key: staging}, {key: production})


def both(key: str, code: str) -> list[tuple[str, str, str]]:
    return [(key, "staging", code), (key, "production", code)]


SECRET = {"class": "secret"}
FINDINGS: list[tuple[str, dict[str, Any], Layers, list[tuple[str, str, str]]]] = [
    ("all is well", {"A": {}}, layers({"A": "x"}), []),
    ("missing", {"A": {}}, layers(), both("A", "missing")),
    ("missing in one", {"A": {}}, layers(None, {"A": "x"}), [("A", "production", "missing")]),
    ("a default is enough", {"A": {"default": "x"}}, layers(), []),
    ("optional may be missing", {"A": {"optional": True}}, layers(), []),
    ("optional may be empty", {"A": {"optional": True}}, layers({"A": ""}), []),
    ("empty", {"A": {}}, layers({"A": ""}), both("A", "empty")),
    ("only spaces", {"A": {}}, layers({"A": "  "}), both("A", "empty")),
    ("wrong type", {"A": {"type": "port"}}, each("A", "4400", "70000"), [("A", "production", "wrong type")]),
    (
        "not allowed",
        {"A": {"environments": ["staging"]}},
        each("A", "x", "y"),
        [("A", "production", "not allowed here")],
    ),
    (
        "an environment's own key in common",
        {"A": {"environments": ["staging"]}},
        layers({"A": "x"}),
        [("A", "common", "own in common"), ("A", "production", "not allowed here")],
    ),
    (
        "a distinct key in common",
        {"A": SECRET},
        layers({"A": "secret-1"}),
        [("A", "common", "own in common"), *both("A", "reused")],
    ),
    (
        "in common and again",
        {"A": {}},
        layers({"A": "x"}, {"A": "y"}),
        [("A", "common", "own in common")],
    ),
    ("secrets are distinct", {"A": SECRET}, each("A", "secret-1", "secret-1"), both("A", "reused")),
    ("unless decided otherwise", {"A": {**SECRET, "distinct": False}}, each("A", "s", "s"), []),
    ("same for all", {"A": {**SECRET, "same": True}}, layers({"A": "secret-1"}), []),
    ("distinct config", {"A": {"distinct": True}}, each("A", "x", "x"), both("A", "reused")),
    ("config may be shared", {"A": {}}, each("A", "x", "x"), []),
    ("must be the same", {"A": {"same": True}}, each("A", "x", "y"), both("A", "differs")),
    (
        "equals",
        {"A": {}, "B": {"equals": "${A}/api"}},
        layers({"A": "http://a"}, {"B": "http://a/api"}, {"B": "http://b/api"}),
        [("B", "production", "not equal")],
    ),
    (
        "equals by environment",
        {"B": {"equals": {"production": "https://x"}}},
        each("B", "anything", "http://x"),
        [("B", "production", "not equal")],
    ),
    (
        "equals of nothing",
        {"B": {"equals": "${C}"}, "C": {"optional": True}},
        layers({"B": "x"}),
        both("B", "not equal"),
    ),
    ("unknown", {}, layers(None, {"Z": "x"}), [("Z", "staging", "unknown")]),
    ("unknown in common", {}, layers({"Z": "x"}), [("Z", "common", "unknown")]),
    (
        "public by its name",
        {"VITE_KEY": {**SECRET, "environments": ["production"]}},
        layers(None, None, {"VITE_KEY": "x"}),
        [("VITE_KEY", "production", "public secret")],
    ),
    (
        "public by its content",
        {"S": {**SECRET, "distinct": False}, "P": {"class": "public"}},
        layers(None, {"S": "hunter2-hunter2", "P": "x-hunter2-hunter2"}, {"S": "other-secret", "P": "y"}),
        [("P", "staging", "public secret")],
    ),
    ("localhost", {"A": {"type": "url"}}, layers({"A": "redis://localhost:6379"}), both("A", "localhost")),
    ("localhost with a password", {"A": {}}, layers({"A": "redis://u:p@127.0.0.1/0"}), both("A", "localhost")),
    ("localhost in a list", {"A": {}}, layers({"A": "kafka://db1:9092,localhost:9093/x"}), both("A", "localhost")),
    ("localhost as IPv6", {"A": {}}, layers({"A": "http://[::1]:80/"}), both("A", "localhost")),
    ("localhost as a host", {"DB_HOST": {}}, layers({"DB_HOST": "localhost"}), both("DB_HOST", "localhost")),
    ("the way to the VM", {"A": {"type": "url"}}, layers({"A": "redis://host.docker.internal:6379"}), []),
    ("a visitor's localhost", {"A": {"class": "public", "type": "url"}}, layers({"A": "http://localhost:4400"}), []),
    (
        "production's database by name",
        {"D": {"type": "url"}},
        each("D", "postgresql://s@host.docker.internal/shop", "postgresql://p@host.docker.internal/shop?x=1"),
        [("D", "staging", "production database")],
    ),
    (
        "production's database by host",
        {"D": {"type": "url"}},
        each("D", "postgresql://s@db.example/shop_staging", "postgresql://p@db.example/shop"),
        [("D", "staging", "production database")],
    ),
    (
        "two databases on the VM",
        {"D": {"type": "url"}},
        each("D", "postgresql://s@host.docker.internal/shop_staging", "postgresql://p@host.docker.internal/shop"),
        [],
    ),
    (
        "under another key",
        {"D": {"optional": True}, "E": {"optional": True}},
        layers(None, {"E": "mysql+pymysql://x@db/shop"}, {"D": "mysql://y@db/shop"}),
        [("E", "staging", "production database")],
    ),
    ("decided to be shared", {"D": {**SECRET, "same": True}}, layers({"D": "postgresql://x@db/shop"}), []),
    ("by its parts", {"DB_NAME": {}}, each("DB_NAME", "shop", "shop"), [("DB_NAME", "staging", "production database")]),
    ("cannot be carried", {"A": {}}, layers({"A": "ends with \\"}), both("A", "cannot be carried")),
]


@pytest.mark.parametrize(
    ("matrix", "given_layers", "expected"), [f[1:] for f in FINDINGS], ids=[f[0] for f in FINDINGS]
)
def test_findings(matrix: dict[str, Any], given_layers: Layers, expected: list[tuple[str, str, str]]) -> None:
    assert found(matrix, given_layers) == expected


@pytest.mark.parametrize(("matrix", "given_layers"), [f[1:3] for f in FINDINGS], ids=[f[0] for f in FINDINGS])
def test_every_finding_says_what_and_how_to_mend_it(matrix: dict[str, Any], given_layers: Layers) -> None:
    for finding in check(matrix_of(matrix), given_layers, BOTH):
        assert isinstance(finding.what, str) and len(finding.what.split()) > 1, finding
        assert isinstance(finding.fix, str) and len(finding.fix.split()) > 1, finding


def test_every_code_is_tested() -> None:
    tested = {code for _, _, _, expected in FINDINGS for _, _, code in expected}
    assert tested | {"too old"} == set(CODES)


@pytest.mark.parametrize(("days", "expected"), [(89.0, []), (91.0, [("A", "production", "too old")])])
def test_age(days: float, expected: list[tuple[str, str, str]]) -> None:
    ages = {("production", "A"): days}
    assert found({"A": SECRET}, each("A", "secret-1", "secret-2"), ages_days=ages) == expected


def test_config_has_no_age() -> None:
    assert found({"A": {}}, layers({"A": "x"}), ages_days={("production", "A"): 9999.0}) == []


TYPED = [
    ("url", ["https://a.example", "postgresql://u:p@h:5432/d", "http://[::1]:80/"], ["a.example", "http://", "x y"]),
    ("port", ["1", "65535"], ["0", "65536", "080", "80 ", "http"]),
    ("integer", ["0", "-5", "12"], ["", "1.5", "01", "1e3"]),
    ("boolean", ["true", "false"], ["True", "yes", "1"]),
    ("base64", ["aGVsbG8=", ""], ["a", "aGVsbG8", "****"]),
    ("enum", ["red", "blue"], ["green", ""]),
    ("text", ["", "anything"], []),
]


@pytest.mark.parametrize(("kind", "good", "bad"), TYPED, ids=[t[0] for t in TYPED])
def test_types(kind: str, good: list[str], bad: list[str]) -> None:
    choices = ("red", "blue")
    assert [value for value in good if wrong(kind, value, choices=choices)] == []
    assert [value for value in bad if not wrong(kind, value, choices=choices)] == []


def test_every_type_is_tested() -> None:
    assert {row[0] for row in TYPED} == set(TYPES)


def test_base64_of_n_bytes() -> None:
    assert wrong("base64", "aGVsbG8=", size=5) == ""
    assert wrong("base64", "aGVsbG8=", size=32) == "is base64 of 5 bytes, not 32"


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
        ({"distinct": True, "default": True}, {"distinct": True, "default": "true"}),
        ({"distinct": "production", "default": False}, {"distinct": "production", "default": "false"}),
        ({"distinct": False, "default": 3}, {"distinct": False, "default": "3"}),
        ({"class": "secret"}, {"class": "secret", "distinct": "production", "max_age_days": 90}),
        ({"class": "secret", "same": True}, {"class": "secret", "distinct": False, "same": True, "max_age_days": 90}),
        ({"values": ["a", True]}, {"values": ["a", "true"], "type": "enum"}),
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
        "COLOUR": {"values": ["red", False, 3], "default": False},
        "A": {"class": "public", "type": "url", "distinct": True, "apps": ["api"], "equals": "http://${environment}"},
        "B": {"class": "secret", "bytes": 32, "distinct": "production", "environments": ["production"]},
        "C": {"equals": {"staging": "x", "production": "y"}, "optional": True, "pattern": "[xy]"},
        "D": None,
    }
    stack = read_stack("shop", definition)
    on_disk = json.loads(json.dumps(stack.to_mapping(with_env=False)))
    assert read_stack("shop", on_disk).env_matrix == stack.env_matrix


def test_what_stands_in_an_environments_way() -> None:
    findings = [Finding("A", layer, "missing", "is missing") for layer in ("common", "staging", "production")]
    assert [f.environment for f in concerning(findings, "staging")] == ["common", "staging"]


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
