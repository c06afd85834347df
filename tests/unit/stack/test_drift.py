# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of drift: what is wrong is told with place and fix, all of it at once."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.stacks import shop_definition

from release.errors import RefusedError
from release.stack.drift import Drift, host_of
from release.stack.reader import read_stack


def read(drift: Any) -> Drift | None:
    return read_stack("shop", {**shop_definition(), "drift": drift}).drift


def test_defaults() -> None:
    assert read({}) == Drift() and read(None) is None
    assert Drift().stops_deploy == "errors"


def test_all_of_it() -> None:
    found = read(
        {
            "canonical": ["https://api.shop.example:8443/v1", "www.shop.example"],
            "allowed": {"GitHub.com": "links", "*.docs.example": "links"},
            "dead": {"old.shop.example": "gone since May"},
            "variables": {"TEST_DB": "only tests"},
            "leave_out": ["vendor", "!vendor/own"],
            "baseline": "docs/known.json",
            "stops_deploy": "all",
        }
    )
    assert found and found.allowed == {"github.com": "links", "*.docs.example": "links"}


@pytest.mark.parametrize(
    ("drift", "where", "what"),
    [
        ([], "drift", "must be a mapping"),
        ({"allow": {}}, "drift.allow", "is not a known option"),
        ({"canonical": "x"}, "drift.canonical", "must be a list"),
        ({"canonical": ["https://x", "a b.com"]}, "drift.canonical", "is not an address"),
        ({"allowed": ["github.com"]}, "drift.allowed", "must be a mapping"),
        ({"allowed": {"github.com": ""}}, "drift.allowed.github.com", "has no reason"),
        ({"allowed": {"https://github.com": "x"}}, "drift.allowed.https://github.com", "is not a host name"),
        ({"dead": {"old.com": "x"}, "canonical": ["https://OLD.com/v1"]}, "drift.dead.old.com", "is canonical too"),
        ({"variables": {"A-B": "x"}}, "drift.variables.A-B", "is not a name"),
        ({"leave_out": ["[z-"]}, "drift.leave_out", "'[z-'"),
        ({"baseline": "../x.json"}, "drift.baseline", "is not valid"),
        ({"stops_deploy": True}, "drift.stops_deploy", "is not known"),
    ],
)
def test_bad_settings(drift: Any, where: str, what: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read(drift)
    assert any(where in problem.where and what in problem.what for problem in refused.value.problems)


def test_all_problems_at_once() -> None:
    with pytest.raises(RefusedError) as refused:
        read({"canonical": ["x"], "allowed": {"x": ""}, "stops_deploy": "x", "y": 1})
    assert len(refused.value.problems) == 5


@pytest.mark.parametrize("address", ["https://A.b.com/x", "a.b.com:80", "a.b.com", "wss://a.b.com:1/x?y"])
def test_hosts_of_addresses(address: str) -> None:
    assert host_of(address) == "a.b.com"
