# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints as people write them: what is wrong is told at once, with place and fix, and nothing is ignored."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from fakes.stacks import shop_definition
from hypothesis import given
from hypothesis import strategies as st

from release.errors import RefusedError
from release.stack.endpoints import json_path, patterns
from release.stack.endpoints.model import MOMENTS
from release.stack.model import Stack
from release.stack.reader import read_stack

MATRIX = {
    "PASSWORD": {"class": "secret"},
    "NAME": {},
    "STAGED": {"environments": ["staging"]},
    "DATABASE_URL": {"class": "secret"},
    "COLOUR": {},
    "PUBLIC_URL": {},
}


def read(*endpoints: Any) -> Stack:
    return read_stack("shop", {**shop_definition(), "secrets": [], "env_matrix": MATRIX, "endpoints": list(endpoints)})


def wrong(*endpoints: Any) -> list[str]:
    with pytest.raises(RefusedError) as refused:
        read(*endpoints)
    assert all(problem.fix or "mapping" in problem.what for problem in refused.value.problems), refused.value.problems
    return [
        f"{problem.where.removeprefix('stack shop.endpoints')}: {problem.what}" for problem in refused.value.problems
    ]


ALL = [
    {
        "name": "health",
        "host": {"staging": "staging.shop.example", "production": "shop.example"},
        "path": "/health?full=1",
        "method": "GET",
        "headers": {"Accept": "application/json"},
        "when": ["verify", "deploy"],
        "expect": {
            "status": [200, 204],
            "headers": {"content-type": {"matches": "^application/json"}, "x-powered-by": {"present": False}},
            "json": {"status": "ok", "n": {"type": "integer"}, "none": None, "items[0].id": {"equals": None}},
            "body": {"matches": "ok"},
            "within_ms": 500,
        },
    },
    {
        "name": "moved",
        "environments": ["production"],
        "scheme": "http",
        "expect": {"redirect": {"to": "https://a.b/c"}},
    },
    {"name": "gone", "host": "old.shop.example", "expect": {"gone": True}},
    {"name": "cors", "cors": {"allowed": ["https://a.b", "http://localhost:8081"], "refused": ["null"]}},
    {"name": "socket", "websocket": {"path": "/ws", "send": "hi", "skip": 1}},
    {
        "name": "flow",
        "steps": [
            {"path": "/login", "json": {"p": "${PASSWORD}"}, "capture": {"token": {"json": "data.token"}}},
            {"path": "/me/${token}", "headers": {"Authorization": "Bearer ${token}"}, "expect": {"status": 200}},
        ],
    },
]


def test_what_is_written_is_read_and_stored() -> None:
    stack = read(*copy.deepcopy(ALL))
    assert read_stack("shop", stack.to_mapping(with_env=True)) == stack
    health, moved, gone, cors, socket, flow = stack.endpoints
    assert health.when == ("verify", "deploy") and moved.when == MOMENTS
    assert health.is_for("production", "verify") and not health.is_for("production", "switch")
    assert not moved.is_for("staging", "verify") and gone.steps[0].expect.gone
    assert health.steps[0].expect.json["none"].equals == (None,) == health.steps[0].expect.json["items[0].id"].equals
    assert cors.cors and socket.websocket and socket.websocket.answer.equals == ("hi",)
    assert flow.steps[0].method == "POST" and flow.steps[1].method == "GET"


def test_a_stack_without_endpoints_is_stored_as_before() -> None:
    assert "endpoints" not in read_stack("shop", shop_definition()).to_mapping(with_env=False)


@pytest.mark.parametrize(
    ("endpoint", "text"),
    [
        ({}, "[0].name: is missing"),
        (7, "[0]: must be a mapping"),
        ({"name": "a", "expekt": {}}, "[0].expekt: is not a known option"),
        ({"name": "a", "path": "health"}, "[0].path: 'health' is not valid"),
        ({"name": "a", "path": "/a b"}, "[0].path: '/a b' is not valid"),
        ({"name": "a", "method": "BREW"}, "[0].method: 'BREW' is not known"),
        ({"name": "a", "when": []}, "[0].when: is empty"),
        ({"name": "a", "when": ["always"]}, "[0].when: 'always' is no moment"),
        ({"name": "a", "environments": ["qa"]}, "[0].environments: 'qa' is not an environment"),
        ({"name": "a", "environments": []}, "[0].environments: is empty"),
        ({"name": "a", "host": {"staging": "a.b"}}, "[0].host.production: is missing"),
        ({"name": "a", "host": "a/b"}, "[0].host: 'a/b' is not valid"),
        ({"name": "a", "scheme": "https"}, "[0].scheme: is https, and not every environment has TLS"),
        ({"name": "a", "scheme": "ftp"}, "[0].scheme: 'ftp' is not known"),
        ({"name": "a", "headers": {"Host": "x"}}, "[0].headers.Host: is set by the engine itself"),
        ({"name": "a", "headers": {"A": "x\r\nB: y"}}, "[0].headers.A: has characters that no header has"),
        ({"name": "a", "headers": {"A B": "x"}}, "[0].headers.A B: 'A B' is not a name of a header"),
        ({"name": "a", "headers": {"A": 7}}, "[0].headers.A: must be text"),
        ({"name": "a", "body": "x", "json": 1}, "[0].json: does not go with `body`"),
        ({"name": "a", "capture": {"t": {"json": "a"}}}, "[0].capture: is of no use without a later step"),
        ({"name": "a", "path": "/${PASSWORD}"}, "[0].path: names the secret PASSWORD"),
        ({"name": "a", "path": "/${nobody}"}, "[0].path: names nobody, which no earlier step captures"),
        ({"name": "a", "headers": {"A": "${STAGED}"}}, "[0].headers.A: names STAGED, which has no value in production"),
        ({"name": "a", "method": "HEAD", "expect": {"body": "x"}}, "[0].method: is HEAD"),
        ({"name": "a", "expect": {"status": "ok"}}, "[0].expect.status: 'ok' is not a status"),
        ({"name": "a", "expect": {"status": []}}, "[0].expect.status: [] is not a status"),
        ({"name": "a", "expect": {"status": [200, 1000]}}, "[0].expect.status: [200, 1000] is not a status"),
        ({"name": "a", "expect": {"body": 7}}, "[0].expect.body: must be text"),
        ({"name": "a", "expect": {"body": {}}}, "[0].expect.body: expects nothing"),
        (
            {"name": "a", "expect": {"body": {"matches": "("}}},
            "[0].expect.body.matches: '(' is not a regular expression",
        ),
        ({"name": "a", "expect": {"body": {"matches": "(a*)*"}}}, "repeats a group that repeats"),
        ({"name": "a", "expect": {"json": {"a b": 1}}}, "[0].expect.json.a b: 'a b' is not a path into JSON"),
        ({"name": "a", "expect": {"json": {"a": {"type": "text"}}}}, "[0].expect.json.a.type: 'text' is not known"),
        ({"name": "a", "expect": {"json": {"a": {"present": False, "equals": 1}}}}, "nothing else can be expected"),
        ({"name": "a", "expect": {"json": {"a": float("nan")}}}, "[0].expect.json.a: is no value that JSON has"),
        ({"name": "a", "expect": {"headers": {"a": {"type": "string"}}}}, "[0].expect.headers.a.type: is not a known"),
        ({"name": "a", "expect": {"gone": True, "status": 404}}, "[0].expect.gone: does not go with anything else"),
        ({"name": "a", "expect": {"redirect": {}}}, "[0].expect.redirect.to: is missing"),
        (
            {"name": "a", "expect": {"redirect": {"to": "/a", "code": 200}}},
            "[0].expect.redirect.code: 200 is no redirect",
        ),
        ({"name": "a", "expect": {"redirect": {"to": "/a", "keeps": ["host"]}}}, "nothing that a redirect keeps"),
        ({"name": "a", "expect": {"redirect": {"to": "/a?b", "keeps": ["query"]}}}, "has a query of its own"),
        ({"name": "a", "expect": {"redirect": {"to": "/a"}, "status": 308}}, "[0].expect.status: is said twice"),
        ({"name": "a", "expect": {"tls": {"days": 3}}}, "[0].expect.tls: needs an environment with TLS"),
        ({"name": "a", "expect": {"within_ms": 0}}, "[0].expect.within_ms: 0 is out of range"),
        ({"name": "a", "steps": []}, "[0].steps: is empty"),
        ({"name": "a", "steps": [{"capture": {"T": {"json": "a"}}}]}, "'T' is not a name for what is captured"),
        ({"name": "a", "steps": [{"capture": {"t": {}}}]}, "[0].steps[0].capture.t: captures nothing, or two things"),
        ({"name": "a", "steps": [{"capture": {"t": {"json": ".."}}}]}, "'..' is not a path into JSON"),
        (
            {"name": "a", "steps": [{"headers": {"A": "${t}"}}, {"capture": {"t": {"json": "a"}}}]},
            "names t, which no earlier",
        ),
        ({"name": "a", "steps": [{}], "path": "/x"}, "[0].path: is not a known option"),
        ({"name": "a", "steps": [{}], "cors": {}}, "[0]: is two things: steps and cors"),
        ({"name": "a", "cors": {}}, "[0].cors: names no origin"),
        ({"name": "a", "cors": {"allowed": ["shop.example"]}}, "'shop.example' is not an origin"),
        ({"name": "a", "cors": {"allowed": ["https://a.b/"]}}, "'https://a.b/' is not an origin"),
        ({"name": "a", "cors": {"allowed": ["*"], "credentials": True}}, "[0].cors.allowed: is *"),
        ({"name": "a", "cors": {"allowed": ["https://a.b"], "refused": ["https://a.b"]}}, "is allowed, too"),
        ({"name": "a", "cors": {"allowed": ["https://a.b"], "methods": ["X"]}}, "'X' is not a method"),
        ({"name": "a", "websocket": {"answer": "x"}}, "[0].websocket.answer: is expected, and nothing is sent"),
        ({"name": "a", "websocket": {"path": "x"}}, "[0].websocket.path: 'x' is not valid"),
    ],
)
def test_refused(endpoint: Any, text: str) -> None:
    assert any(text in problem for problem in wrong(endpoint)), wrong(endpoint)


def test_all_problems_at_once() -> None:
    assert len(wrong({"name": "a", "path": "x", "when": []}, {"name": "a"}, {"cors": {}})) == 5


@pytest.mark.parametrize("pattern", ["a+b*", "(ab)+", "(a|b)*c", "[(+)*]+", r"(\+)+", "^/api/.*$"])
def test_patterns_that_end(pattern: str) -> None:
    assert not patterns.problem_of(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+", "((a*)b)*", "(a*|b)+", "(.*){2,}", "(?:x+y)*"])
def test_patterns_that_may_not(pattern: str) -> None:
    assert "repeats" in patterns.problem_of(pattern)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda s: st.dictionaries(st.text(max_size=5), s) | st.lists(s)
    )
)
def test_any_value_is_read_or_refused(value: Any) -> None:
    definition = {
        **shop_definition(),
        "endpoints": [value, {"name": "a", "expect": value}, {"name": "b", "cors": value}],
    }
    try:
        stack = read_stack("shop", definition)
    except RefusedError as refused:
        assert all(problem.where.startswith("stack shop") for problem in refused.problems)
    else:
        assert read_stack("shop", stack.to_mapping(with_env=True)) == stack


def test_paths_into_json() -> None:
    assert json_path.parts_of('$.a[0]["b.c"].d-e') == ["a", 0, "b.c", "d-e"]
    assert json_path.value_at([1, 2], "[-1]") == 2 and json_path.value_at(3, "$") == 3
    for bad in (".", "a..b", "a[", "a b", "[x]"):
        with pytest.raises(ValueError, match=re.escape(bad)):
            json_path.parts_of(bad)
