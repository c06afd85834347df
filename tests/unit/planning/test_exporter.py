# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints for the blackbox exporter: what it asks, what it is told to judge, and what is not its to judge."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
import yaml
from fakes.stacks import shop_definition
from hypothesis import given
from hypothesis import strategies as st

from release.planning.endpoints import cors as cors_rules
from release.planning.endpoints import exporter_cors
from release.planning.endpoints.exporter import Probe, Watch, watch
from release.planning.endpoints.judge import judge
from release.planning.endpoints.requests import Site, of_step
from release.releases.endpoints import Came
from release.rendering import exporter
from release.stack.reader import read_stack

ORIGIN = "https://app.shop.example"
#: Of the stack that this makes use of, and one that requests may name.
MATRIX = {name: {"class": "secret", "distinct": False} for name in ("DATABASE_URL", "PASSWORD")} | {
    name: {} for name in ("COLOUR", "PUBLIC_URL")
}


def watched(*endpoints: dict[str, Any], is_real: bool = False, tls: bool = False) -> Watch:
    return watch(site(*endpoints, is_real=is_real, tls=tls))


def site(*endpoints: dict[str, Any], is_real: bool = False, tls: bool = False) -> Site:
    definition = shop_definition()
    production = definition["environments"]["production"]
    production["hosts"] = ["shop.example"]
    if tls:
        production["tls"] = {"port": 443, "certificate": "/c", "key": "/k"}
    listed = [{"name": f"it {number}", "environments": ["production"], **one} for number, one in enumerate(endpoints)]
    stack = read_stack("shop", {**definition, "env_matrix": MATRIX, "endpoints": listed})
    return Site(stack, stack.environments["production"], is_real)


def probe(endpoint: dict[str, Any], **more: Any) -> Probe:
    found = watched(endpoint, **more)
    assert not found.unwatched
    return found.probes[0]


def test_asked_as_a_visitor_by_the_hosts_own_ports() -> None:
    found = probe({"path": "/a?b=1", "method": "PUT", "headers": {"X-A": "b"}, "json": {"z": 1, "a": "é"}})
    assert found.target == "http://127.0.0.1:8200/a?b=1" and found.name == "shop production it 0"
    assert found.module == {
        "prober": "http",
        "timeout": "5000ms",
        "http": {
            "method": "PUT",
            "headers": {"Host": "shop.example:8200", "X-A": "b", "Content-Type": "application/json"},
            "body": '{"a": "\\u00e9", "z": 1}',
            "follow_redirects": False,
        },
    }
    http = probe({"expect": {"within_ms": 300}}, tls=True).module["http"]
    assert http["tls_config"] == {"server_name": "shop.example", "insecure_skip_verify": True}


def test_asked_by_its_real_address() -> None:
    found = probe({"expect": {"within_ms": 300}}, tls=True, is_real=True)
    assert found.target == "https://shop.example/" and found.module["timeout"] == "300ms"
    assert "headers" not in found.module["http"] and "tls_config" not in found.module["http"]


def test_what_is_expected() -> None:
    expect = {
        "status": [200, 304],
        "headers": {
            "x-powered-by": {"present": False},
            "content-type": {"matches": "^text/"},
            "x-release": {"present": True},
            "x-a": "b.c",
        },
        "body": {"matches": "o+k", "equals": "look"},
    }
    http = probe({"expect": expect}).module["http"]
    assert http["valid_status_codes"] == [200, 304]
    assert http["fail_if_header_matches"] == [{"header": "x-powered-by", "regexp": ".*", "allow_missing": True}]
    assert [(one["header"], one["regexp"]) for one in http["fail_if_header_not_matches"]] == [
        ("content-type", r"^text\/"),
        ("x-a", r"\Ab\.c\z"),
        ("x-release", ".*"),
    ]
    assert http["fail_if_body_not_matches_regexp"] == [r"\Alook\z", "o+k"]


@pytest.mark.parametrize(
    ("to", "good", "bad"),
    [
        (
            "/new",
            ["/new", "http://SHOP.example:8200/new", "//shop.example:8200/new#a"],
            ["/new/", "http://shop.example/new"],
        ),
        (
            "https://www.shop.example",
            ["https://www.shop.example/", "https://www.shop.example:443"],
            ["/", "//www.shop.example"],
        ),
        ("http://shop.example:8200", ["/", "http://shop.example:8200"], ["", "https://shop.example:8200"]),
    ],
)
def test_redirects_as_they_are_judged(to: str, good: list[str], bad: list[str]) -> None:
    endpoint = {"path": "/old", "expect": {"redirect": {"to": to, "code": [301, 308]}}}
    http = probe(endpoint).module["http"]
    assert http["valid_status_codes"] == [301, 308]
    (condition,) = http["fail_if_header_not_matches"]
    place = site(endpoint)
    (one,) = place.stack.endpoints
    asked = of_step(place, one, one.steps[0], {})
    for location in good + bad:
        matches = bool(re.search(condition["regexp"].replace(r"\z", r"\Z"), location))
        held = not judge(one.steps[0].expect, asked, Came(301, (("location", location),)), "here", 0)
        assert matches == held == (location in good), location


def test_what_a_redirect_keeps() -> None:
    to = {"to": "https://www.shop.example/x", "keeps": ["path", "query"]}
    http = probe({"path": "/old?a=1", "expect": {"redirect": to}}).module["http"]
    pattern = http["fail_if_header_not_matches"][0]["regexp"].replace(r"\z", r"\Z")
    assert re.search(pattern, "https://www.shop.example/x/old?a=1")
    assert not re.search(pattern, "https://www.shop.example/x/old")


HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "access-control-allow-origin": st.sampled_from(["*", ORIGIN, "null", cors_rules.FOREIGN, f"{ORIGIN}.other"]),
        "access-control-allow-credentials": st.sampled_from(["true", "false"]),
        "access-control-allow-methods": st.sampled_from(["*", "GET, PUT", "put", "GET,DELETE", ""]),
        "access-control-allow-headers": st.sampled_from(["*", "Authorization, X-A", "x-a", "authorization", "x-ab"]),
    },
)


@given(
    cors=st.fixed_dictionaries(
        {"credentials": st.booleans(), "methods": st.sampled_from([["GET"], ["PUT", "POST"]])},
        optional={"headers": st.sampled_from([["X-A"], ["Authorization", "X-A"]]), "refused": st.just(["null"])},
    ),
    headers=HEADERS,
    status=st.sampled_from([200, 204, 401, 404]),
)
def test_other_origins_as_they_are_judged(cors: dict[str, Any], headers: dict[str, str], status: int) -> None:
    place = site({"cors": {"path": "/me", "allowed": [ORIGIN], **cors}})
    promised = place.stack.endpoints[0].cors
    assert promised
    came = Came(status, tuple(headers.items()))
    for check in cors_rules.checks(promised, "here"):
        holds = _holds(exporter_cors.conditions(promised, check), came)
        assert holds == (not cors_rules.judge(promised, check, came)), check.title
    assert len(watch(place).probes) == len(list(cors_rules.checks(promised, "here")))


def _holds(http: dict[str, Any], came: Came) -> bool:
    """As the exporter judges."""
    good = came.status in http["valid_status_codes"] if "valid_status_codes" in http else 200 <= came.status <= 299
    for one in http.get("fail_if_header_matches", ()):
        good = good and not _matches(one, came)
    return good and all(_matches(one, came) for one in http.get("fail_if_header_not_matches", ()))


def _matches(one: dict[str, Any], came: Came) -> bool:
    value = came.header(one["header"])
    return value is not None and bool(re.search(one["regexp"].replace(r"\z", r"\Z"), value))


@pytest.mark.parametrize(
    ("endpoint", "told", "probes"),
    [
        ({"steps": [{"path": "/a"}, {"path": "/b"}]}, "a flow of several requests", 0),
        ({"websocket": {"path": "/socket"}}, "a WebSocket", 0),
        ({"expect": {"gone": True}}, "to the exporter no answer is a failure", 0),
        ({"when": ["verify"]}, "`when` leaves out `switch`", 0),
        (
            {"headers": {"X-A": "${COLOUR}"}},
            "no request without the environment's own values, which are not written there: COLOUR",
            0,
        ),
        ({"path": "/a|b"}, "would spell the path in another way", 0),
        ({"body": "\ud800"}, "it has a character that cannot be sent", 0),
        ({"expect": {"json": {"b": 1, "a": 2}}}, "(stack shop.endpoints[0].expect.json): values in JSON (a, b)", 1),
        ({"expect": {"body": {"matches": "(?=a)"}}}, "expect.body): the exporter's patterns do not know (?=a", 1),
        ({"expect": {"headers": {"trailer": "a"}}}, "does not see this header", 1),
        ({"expect": {"tls": {"days": 14}}}, "which it only sees at the real addresses", 1),
    ],
)
def test_what_it_does_not_watch_is_told(endpoint: dict[str, Any], told: str, probes: int) -> None:
    found = watched(endpoint, tls="tls" in endpoint.get("expect", {}))
    (line,) = exporter.unwatched([found])
    assert line.startswith("shop production: it 0 (stack shop.endpoints[0]") and told in line
    assert f"# Not watched: {line}\n" in exporter.modules([found])
    assert len(found.probes) == probes


def test_a_certificate_at_the_real_address() -> None:
    for tls, told in (({"days": 14}, "it is valid, and 14 days are promised"), ({"name": "a.example"}, "a.example's")):
        (line,) = exporter.unwatched([watched({"expect": {"tls": tls}}, tls=True, is_real=True)])
        assert told in line and "probe_ssl_earliest_cert_expiry" in line


TEXTS = st.text(max_size=8)
PATTERNS = st.sampled_from(["^a", "b$", r"\d+", "(?=x)", "(?i)ok", "[]a]", "é"])
RULES = st.one_of(
    TEXTS,
    st.builds(lambda it: {"matches": it}, PATTERNS),
    st.sampled_from([{"present": True}, {"present": False}]),
)
NAMES = st.sampled_from(["x-a", "Content-Type", "x-b", "Server"])
EXPECTED = st.fixed_dictionaries(
    {},
    optional={
        "status": st.lists(st.integers(100, 599), min_size=1, max_size=3),
        "headers": st.dictionaries(NAMES, RULES, max_size=3),
        "json": st.dictionaries(st.sampled_from(["a", "b[0]", "$"]), st.one_of(TEXTS, st.integers()), max_size=2),
        "body": st.one_of(TEXTS, st.builds(lambda it: {"matches": it}, PATTERNS)),
        "within_ms": st.integers(1, 60000),
    },
)
ENDPOINTS = st.fixed_dictionaries(
    {"path": st.sampled_from(["/", "/a?b=${COLOUR}", "/a/b%20c?d=1"])},
    optional={
        "headers": st.dictionaries(NAMES, st.sampled_from(["a", "${COLOUR}", "b c"]), max_size=3),
        "json": st.dictionaries(TEXTS, st.one_of(TEXTS, st.integers(), st.none()), max_size=3),
        "expect": EXPECTED,
        "when": st.sampled_from([["verify"], ["switch"]]),
    },
)


def _reordered(value: Any) -> Any:
    """The same data, its keys in another order."""
    if isinstance(value, dict):
        return {key: _reordered(value[key]) for key in reversed(value)}
    return [_reordered(one) for one in value] if isinstance(value, list) else value


@given(st.lists(ENDPOINTS, max_size=3), st.booleans())
def test_equal_definitions_give_equal_modules(endpoints: list[dict[str, Any]], is_real: bool) -> None:
    found = watched(*endpoints, is_real=is_real)
    same = watched(*_reordered(copy.deepcopy(endpoints)), is_real=is_real)
    text, asked = exporter.modules([found]), exporter.targets([found])
    assert (text, asked) == (exporter.modules([same]), exporter.targets([same]))
    # It can be read, and nothing is left out in silence: each endpoint is asked or told.
    assert yaml.safe_load(text)["modules"] == {one.name: dict(one.module) for one in found.probes}
    assert [one["labels"]["module"] for one in json.loads(asked)] == [one.name for one in found.probes]
    named = {one.endpoint for one in found.probes} | {one.endpoint for one in found.unwatched}
    assert named == {f"it {number}" for number in range(len(endpoints))}
