# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the router is told of a maintenance, and the networks that are let through."""

from __future__ import annotations

import pytest
from fakes.stacks import shop_definition

from release.errors import RefusedError
from release.stack.maintenance import Maintenance, network, router_maps
from release.stack.reader import read_stack

APPS = {"web": ["/"], "api": ["/shop/api"], "admin": ["/admin"]}


def closed_by(*found: Maintenance) -> dict[str, str]:
    return router_maps(found, APPS)[0]


def let_through(*found: Maintenance) -> dict[str, str]:
    return router_maps(found, APPS)[1]


def test_everything_is_one_entry() -> None:
    assert closed_by(Maintenance(100)) == {"/": "100/1"}


def test_an_app_and_a_path_of_it() -> None:
    assert closed_by(Maintenance(100, "web")) == {"/web/": "100/1"}
    assert closed_by(Maintenance(100, "web", "/Shop")) == {"/web/shop/": "100/1", "/web:": "100/1"}


def test_a_path_of_no_app_is_closed_in_each_that_may_get_it() -> None:
    found = closed_by(Maintenance(100, route="/shop"))
    assert found == {"/web/shop/": "100/1", "/api/shop/": "100/1", "/web:": "100/1", "/api:": "100/1"}


def test_what_was_said_of_one_app_goes_before_what_was_said_of_all() -> None:
    one, each = Maintenance(200, "web", "/shop"), Maintenance(100, route="/shop")
    assert closed_by(one, each)["/web/shop/"].startswith("200/")
    assert closed_by(each, one)["/web/shop/"].startswith("200/")


def test_a_part_of_what_is_closed_longer_stays_closed_as_long() -> None:
    found = closed_by(Maintenance(300), Maintenance(100, "web"), Maintenance(200, "web", "/shop"))
    assert {key: value.split("/")[0] for key, value in found.items()} == {
        "/": "300",
        "/web/": "300",
        "/web/shop/": "300",
        "/web:": "200",
    }


def test_each_network_has_the_bits_of_those_around_it() -> None:
    found = let_through(
        Maintenance(100, "web", allow=("10.0.0.0/8", "2001:db8::/32")),
        Maintenance(100, "api", allow=("10.1.0.0/16", "10.1.2.3")),
    )
    assert found == {"10.0.0.0/8": "1", "2001:db8::/32": "1", "10.1.0.0/16": "3", "10.1.2.3/32": "3"}


def test_a_record_is_read_as_it_was_written() -> None:
    one = Maintenance(100, "web", "/shop", ("10.0.0.0/8",), "ann", "it moves", "2026-11-26T20:00:00Z")
    assert Maintenance.read(one.to_json()) == one


@pytest.mark.parametrize(
    "change", [{"until": "100"}, {"until": True}, {"allow": ["x"]}, {"allow": None}, {"person": 7}, {"app": None}]
)
def test_a_damaged_record_is_none(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Maintenance.read({**Maintenance(100).to_json(), **change})


@pytest.mark.parametrize("text", ["10.0.0.1/8", "0.0.0.0/0", "::/0", "office", "10.0.0.0/33", "", 7, None])
def test_what_is_no_network(text: object) -> None:
    with pytest.raises(ValueError):
        network(text)


def test_a_stack_names_networks_for_every_maintenance() -> None:
    stack = read_stack("shop", {**shop_definition(), "maintenance": {"allow": ["10.0.0.0/8"]}})
    assert stack.maintenance_allow == ("10.0.0.0/8",)
    assert stack.to_mapping(with_env=True)["maintenance"] == {"allow": ["10.0.0.0/8"]}
    assert read_stack("shop", stack.to_mapping(with_env=True)) == stack


def test_a_stack_without_any_is_written_as_before() -> None:
    written = read_stack("shop", shop_definition()).to_mapping(with_env=True)
    assert not [key for key in written if key.startswith("maintenance")]


def test_all_that_is_wrong_is_told_at_once() -> None:
    definition = {**shop_definition(), "maintenance": {"allow": ["10.0.0.1/8", "everybody"], "until": "1h"}}
    with pytest.raises(RefusedError) as refused:
        read_stack("shop", definition)
    assert len(refused.value.problems) == 3
    assert all(problem.where.startswith("stack shop.maintenance") for problem in refused.value.problems)
