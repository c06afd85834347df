# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What environments call canonical is what a source may name; earlier names are told as such, with where they lead."""

from __future__ import annotations

from fakes.stacks import shop_definition

from release.planning.drift.findings import Finding
from release.planning.drift.matrix import inventory_of
from release.planning.drift.search import Search
from release.stack.reader import read_stack


def look(text: bytes) -> list[Finding]:
    definition = shop_definition()
    definition["environments"]["staging"] |= {
        "hosts": ["staging.shop.example"],
        "canonical": {"api": "http://api.staging.shop.example:8100/v1"},
    }
    definition["environments"]["production"] |= {
        "hosts": ["www.shop.example"],
        "canonical": {"web": "http://www.shop.example", "api": "http://api.shop.example/v1"},
        "redirects": {"old.shop.example": {"to": "api", "until": "2027-01-31"}},
    }
    definition["apps"]["api"]["routes"] = [
        {"path": "/", "canonical": "api"},
        {"path": "/v1", "host": "live.shop.example"},
        {"path": "/v1", "host": "was.shop.example", "until": "2027-01-31"},
    ]
    definition["apps"]["front"]["routes"] = [{"path": "/"}]
    definition["drift"] = {}
    stack = read_stack("shop", definition)
    assert stack.drift
    one = Search(stack, stack.drift, inventory_of(stack, stack.drift, {}))
    one.look("a.ts", text)
    return one.findings()


def test_canonical_addresses_may_stand_there() -> None:
    assert not look(b"'http://www.shop.example' 'http://api.shop.example/v1' 'http://api.staging.shop.example:8100/v1'")
    assert not look(b"const live = 'http://live.shop.example/v1'")


def test_earlier_names_are_told_with_where_they_lead() -> None:
    found = look(b"const a = 'http://old.shop.example/v1'\nconst b = 'http://was.shop.example/v1'\n")
    assert [(one.code, one.name, one.what) for one in found] == [
        (
            "unknown host",
            "old.shop.example",
            "is an earlier name: it leads to http://api.shop.example/v1 until 2027-01-31",
        ),
        ("unknown host", "was.shop.example", "is an earlier name: it is there until 2027-01-31"),
    ]
    assert all("use http://api.shop.example/v1" in one.fix for one in found)


def test_an_environment_that_takes_every_name_has_addresses_too() -> None:
    definition = shop_definition()
    definition["environments"]["staging"]["canonical"] = {"web": "http://staging.shop.example:8100"}
    definition["drift"] = {}
    stack = read_stack("shop", definition)
    assert stack.drift
    one = Search(stack, stack.drift, inventory_of(stack, stack.drift, {}))
    one.look("a.ts", b"const a = 'http://staging.shop.example:8100/x'")
    assert not one.findings()
