# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Definitions that nobody means: every problem at once, as text that a person can read, and never a traceback."""

from __future__ import annotations

import copy
import datetime
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fakes.stacks import shop_definition, shop_with_matrix
from hypothesis import given, settings
from hypothesis import strategies as st
from support.profiles import ONE_IN

from release.env import matrix_report
from release.env.matrix import Key
from release.env.matrix_check import check
from release.errors import RefusedError
from release.releases import compose
from release.stack.model import ENVIRONMENTS
from release.stack.reader import read_stack, read_stacks

FIELDS = (
    *("class", "environments", "apps", "type", "bytes", "values", "pattern", "distinct", "same", "equals"),
    *("max_age_days", "default", "optional", "description"),
)
WORDS = (
    *("", "secret", "public", "config", "staging", "production", "preview", "prod", "api", "front", "nobody", "enum"),
    *("base64", "url", "text", "true", "5", "-1", "[", "(?P<a>", "a{99999999999}", "*", "${A}", "${NOPE}", "${"),
    *("${environment}", "x" * 300, "Grüße", "\n", "\ud800", "\0"),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 10),
    st.sampled_from([10**30, 10**400, -1]),
    st.floats(),
    st.sampled_from(WORDS),
    st.sampled_from([datetime.date(2026, 1, 1), b"bytes", {1, 2}, (1, 2), "²", "٣", "1_0", "0x1F", "1e3", 22]),
)
NAMES = st.one_of(
    st.sampled_from(["A", "B", "a b", "", "1A", "staging", *FIELDS]),
    SCALARS.filter(lambda item: not isinstance(item, set)),
)
JUNK = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
ROWS = st.one_of(st.dictionaries(st.sampled_from(FIELDS), JUNK, max_size=5), JUNK)
MATRICES = st.one_of(st.dictionaries(st.one_of(st.sampled_from(["A", "B", "C_D"]), NAMES), ROWS, max_size=4), JUNK)
VALUES = st.dictionaries(
    st.sampled_from(["A", "B", "C_D", "Z"]), st.one_of(st.sampled_from(WORDS), st.text(max_size=9))
)


def repr_of(odd: Any) -> str:
    return "a long number" if isinstance(odd, int) else repr(odd)


def told(definition: dict[str, Any]) -> list[str]:
    """What a person reads; empty when it is a stack."""
    try:
        stack = read_stack("shop", definition)
        read_stacks({"shop": definition}, {22: "SSH"})
    except RefusedError as refused:
        texts = [str(problem) for problem in refused.problems]
        assert all(texts) and len(set(texts)) == len(texts), "each problem once"
        assert not any("Traceback" in text or " object at 0x" in text for text in texts)
        return texts
    # What was taken can be stored and read again, and a container can be made of it.
    stored = json.loads(json.dumps(stack.to_mapping(with_env=True), allow_nan=False))
    assert read_stack("shop", stored).to_mapping(with_env=True) == stored
    for app in stack.apps.values():
        json.dumps(compose.service(stack, app, "staging", "sha256:1"), allow_nan=False)
    return []


@given(MATRICES)
def test_any_matrix(matrix: Any) -> None:
    told(shop_definition() | {"env_matrix": matrix, "secrets": []})


def whole_definition() -> dict[str, Any]:
    """One with everything that a definition may have."""
    definition = copy.deepcopy(shop_with_matrix())
    definition |= {
        "name": "shop",
        "owner": "ann",
        "source": "/srv/git",
        "version": "main",
        "build_arguments": {"A": "1"},
    }
    definition |= {"warm_seconds": 1, "soak_minutes": 1, "promote_window": "09:00-17:00"}
    tls = {"certificate": "/srv/a.pem", "key": "/srv/b.pem", "plain_ports": [80], "hsts_seconds": 1, "port": 443}
    definition["environments"]["production"] |= {"hosts": ["a.example"], "canonical_host": "a.example", "tls": tls}
    flag = {"default": True, "description": "x", "route": "/flag"}
    definition["apps"]["api"] |= {"dockerfile": "Dockerfile", "build_target": "x", "build_arguments": {"A": "1"}}
    definition["apps"]["api"] |= {"user": 1000, "memory": "1g", "cpus": "0.5", "pids": 5, "environment": {"A": "1"}}
    definition["apps"]["api"] |= {"compose": {"cap_drop": ["ALL"]}, "drain_seconds": 1, "flags": {"flag": flag}}
    definition["apps"]["api"] |= {"stop_seconds": 1, "timeout_seconds": 1, "body_limit": "1m", "replace": "start_first"}
    definition["apps"]["api"]["routes"] = [
        {"path": "/", "host": "a.example", "strip_path": False, "check": "/x"},
        {"path": "/v1", "canonical": "api"},
        {"path": "/old", "until": "2027-01-31"},
    ]
    definition["environments"]["staging"]["canonical"] = {"api": "http://s.example/v1"}
    definition["environments"]["production"] |= {
        "canonical": {"web": "https://a.example", "api": "https://api.example/v1"},
        "redirects": {"old.example": {"to": "web", "until": "2027-01-31T10:00Z"}},
        "origins": ["${canonical.web}", "https://other.example"],
    }
    definition["env_matrix"]["API"] = {"equals": "${canonical.api}"}
    return definition


def places(data: Any, home: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything in it."""
    for name, item in data.items() if isinstance(data, dict) else enumerate(data):
        yield (*home, name)
        if isinstance(item, (dict, list)):
            yield from places(item, (*home, name))


EVERYWHERE = list(places(whole_definition()))


def test_the_whole_definition_is_one() -> None:
    assert told(whole_definition()) == []


@settings(max_examples=1500 // ONE_IN)
@given(st.dictionaries(st.sampled_from(EVERYWHERE), JUNK, min_size=1, max_size=2))
def test_anything_at_every_place(changes: dict[tuple[Any, ...], Any]) -> None:
    definition = whole_definition()
    for place, junk in changes.items():
        home: Any = definition
        for name in place[:-1]:
            is_there = (isinstance(home, dict) and name in home) or (
                isinstance(home, list) and name in range(len(home))
            )
            home = home[name] if is_there else None
        if isinstance(home, dict) or (isinstance(home, list) and place[-1] in range(len(home))):
            home[place[-1]] = junk
    told(definition)


ODD: list[Any] = ["²", "٣", 10**5000, b"x", {1}, float("nan"), float("inf"), datetime.date(2026, 1, 1)]


@pytest.mark.parametrize(("odd", "place"), list(itertools.product(ODD, EVERYWHERE))[::ONE_IN], ids=repr_of)
def test_what_no_text_editor_prevents(place: tuple[Any, ...], odd: Any) -> None:
    definition = whole_definition()
    home: Any = definition
    for name in place[:-1]:
        home = home[name]
    home[place[-1]] = odd
    told(definition)


def test_nested_without_end() -> None:
    junk: Any = []
    for _ in range(5000):
        junk = [junk]
    assert "nested" in "".join(told(shop_definition() | {"env_matrix": junk}))


PLACES = [
    *(("env",), ("env", "common"), ("env", "staging"), ("environments",), ("environments", "staging")),
    *(("apps",), ("apps", "api"), ("keys",), ("secrets",), ("directory",), ("apps", "api", "flags")),
    *(("apps", "api", "routes"), ("apps", "front", "compose"), ("apps", "mail", "after"), ("disk_floor_gb",)),
    *(("name",), ("environments", "production", "ports"), ("environments", "production", "hosts"), ("owner",)),
]


@given(st.dictionaries(st.sampled_from(PLACES), JUNK, min_size=1, max_size=3))
def test_anything_anywhere_in_a_definition(changes: dict[tuple[str, ...], Any]) -> None:
    definition = copy.deepcopy(shop_definition())
    for place, junk in changes.items():
        home: Any = definition
        for name in place[:-1]:
            home = home.get(name) if isinstance(home, dict) else None
        if isinstance(home, dict):
            home[place[-1]] = junk
    told(definition)


@given(JUNK)
def test_anything_for_a_definition(junk: Any) -> None:
    assert told(junk)


@given(MATRICES, st.dictionaries(st.sampled_from(["common", *ENVIRONMENTS]), VALUES))
def test_any_values_against_any_matrix_that_can_be(matrix: Any, layers: dict[str, dict[str, str]]) -> None:
    rows: dict[str, Key] = {}
    try:
        rows = read_stack("shop", shop_definition() | {"env_matrix": matrix, "secrets": []}).env_matrix
    except RefusedError:
        return
    found = check(rows, layers, ENVIRONMENTS)
    text = "\n".join(
        [*matrix_report.lines(rows, found, ENVIRONMENTS), matrix_report.junit("shop", rows, found, ENVIRONMENTS)]
    )
    assert text and matrix_report.document("shop", found, ENVIRONMENTS)["ok"] == (not found)


ALL_AT_ONCE: list[tuple[Any, str]] = [
    ([], "must be a mapping, not list"),
    ("A", "must be a mapping, not str"),
    ({"A": []}, "env_matrix.A: must be a mapping, not list"),
    ({"A": {"clas": "secret"}}, "env_matrix.A.clas: is not a known option"),
    ({"A": {"pattern": "["}}, "env_matrix.A.pattern: is not a regular expression"),
    ({"A": {"pattern": "a{99999999999}"}}, "env_matrix.A.pattern: is not a regular expression"),
    ({"A": {"apps": ["nobody"]}}, "env_matrix.A.apps: 'nobody' is not known"),
    ({"A": {"environments": ["prod"]}}, "env_matrix.A.environments: 'prod' is not known"),
    ({"A": {"environments": "production"}}, "env_matrix.A.environments: must be a list"),
    ({5: {}}, "env_matrix: has the name 5, which YAML does not read as text"),
    ({True: {}}, "env_matrix: has the name True, which YAML does not read as text"),
    ({"A": {"type": "enum"}}, "env_matrix.A.values: is missing"),
    ({"A": {"equals": "${NOPE}"}}, "env_matrix.A.equals: names NOPE, which is not a key of the matrix"),
    ({"A": {"equals": "${A}"}}, "env_matrix.A.equals: names the key itself"),
    ({"A": {"equals": {"staging": ["x"]}}}, "env_matrix.A.equals.staging: must be text, not list"),
    ({"A": {"type": "port", "default": "http"}}, "env_matrix.A.default: is not a port"),
    ({"A": {"values": ["a"], "default": "b"}}, "env_matrix.A.default: is not one of a"),
    ({"A": {"max_age_days": "soon"}}, "env_matrix.A.max_age_days: must be a whole number"),
    ({"A": {"same": "perhaps"}}, "env_matrix.A.same: must be true or false"),
]


@pytest.mark.parametrize(("matrix", "text"), ALL_AT_ONCE)
def test_what_is_said(matrix: Any, text: str) -> None:
    assert any(text in line for line in told(shop_definition() | {"env_matrix": matrix, "secrets": []}))


def test_all_of_it_at_once() -> None:
    rows: dict[str, Any] = {}
    texts = []
    for number, (matrix, text) in enumerate(ALL_AT_ONCE):
        if isinstance(matrix, dict) and "A" in matrix:
            rows[f"K{number}"] = matrix["A"]
            texts.append(text.replace(".A", f".K{number}"))
    texts = [text for text in texts if "itself" not in text]
    lines = "\n".join(told(shop_definition() | {"env_matrix": rows, "secrets": []}))
    assert [text for text in texts if text not in lines] == []
