# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the env matrix finds."""

from __future__ import annotations

from typing import Any

import pytest

from release.env.matrix import Key, read_matrix
from release.env.matrix_check import CODES, Finding, check, concerning
from release.errors import Problem
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


def test_what_stands_in_an_environments_way() -> None:
    findings = [Finding("A", layer, "missing", "is missing") for layer in ("common", "staging", "production")]
    assert [f.environment for f in concerning(findings, "staging")] == ["common", "staging"]
