# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks across the parts of a stack, and several stacks on one host."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.stacks import shop_definition, shop_with_matrix

from release.errors import RefusedError
from release.stack.reader import read_stack, read_stacks


def two(**changes: Any) -> dict[str, Any]:
    """A second stack beside the shop, at first without anything in common."""
    blog: dict[str, Any] = {
        "directory": "/srv/blog",
        "environments": {"staging": {"ports": [8300]}, "production": {"ports": [8400]}},
        "apps": {
            "blog": {
                "context": ".",
                "port": 80,
                "loopback_port": 22000,
                "health": "/",
                "routes": [{"path": "/"}],
            }
        },
    }
    return {"shop": shop_definition(), "blog": {**blog, **changes}}


def test_two_stacks_side_by_side() -> None:
    assert [stack.name for stack in read_stacks(two())] == ["blog", "shop"]
    shared = {
        "staging": {"ports": [8100], "hosts": ["blog.example"]},
        "production": {"ports": [80], "hosts": ["blog.example"]},
    }
    assert len(read_stacks(two(environments=shared))) == 2, "a port may be shared under another host name"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"directory": "/srv/shop"}, "directory /srv/shop is already used by stack blog"),
        (
            {"environments": {"staging": {"ports": [8300]}, "production": {"ports": [80]}}},
            "public address (any host):80",
        ),
        ({"environments": {"staging": {"ports": [8300]}, "production": {"ports": [8300]}}}, "public address"),
        (
            {"apps": {"api": {"context": "api", "kind": "worker"}}},
            "app name api is already used by stack blog",
        ),
        (
            {
                "apps": {
                    "blog": {
                        "context": ".",
                        "port": 1,
                        "loopback_port": 21015,
                        "health": "/",
                        "routes": [{"path": "/"}],
                    }
                }
            },
            "loopback_port 21015 overlaps",
        ),
    ],
)
def test_two_stacks_in_each_others_way(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(RefusedError, match=what.replace("(", r"\(").replace(")", r"\)")):
        read_stacks(two(**changes))


def test_a_slot_has_addresses_for_so_many_apps() -> None:
    def named(number: int) -> dict[str, Any]:
        return {f"w{n}": {"context": ".", "kind": "worker"} for n in range(number)}

    assert len(read_stack("shop", two()["blog"] | {"apps": named(28)}).apps) == 28
    with pytest.raises(RefusedError, match="29 apps, but the network of a slot has addresses for 28"):
        read_stack("shop", two()["blog"] | {"apps": named(29)})


def test_two_stacks_whose_names_join_to_the_same() -> None:
    """`blog`, staging, app `staging-api`, and `blog-staging`, staging, app `api`."""
    both = two(apps={"staging-cron": {"context": "cron", "kind": "worker"}})
    both["other"] = {
        **both["blog"],
        "name": "blog-staging",
        "directory": "/srv/other",
        "environments": {"staging": {"ports": [8500]}, "production": {"ports": [8600]}},
        "apps": {"cron": {"context": "cron", "kind": "worker"}},
    }
    with pytest.raises(
        RefusedError, match=r"name in the router blog-staging-staging-cron is already used by stack blog\."
    ):
        read_stacks(both)


def test_mistakes_of_two_stacks_at_once() -> None:
    both = two(directory="blog")
    both["shop"]["directory"] = "shop"
    with pytest.raises(RefusedError) as caught:
        read_stacks(both)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("where", ["stack", "app"])
def test_a_build_secret_is_a_secret_of_the_matrix(where: str) -> None:
    """Or it would be in no search for leaks, and in the containers of every app."""
    definition = shop_with_matrix()
    owner = definition if where == "stack" else definition["apps"]["api"]
    owner["build_secrets"] = ["DATABASE_URL", "COLOUR", "NOWHERE"]
    with pytest.raises(RefusedError) as caught:
        read_stack("shop", definition)
    found = {str(problem) for problem in caught.value.problems if problem.where.endswith("apps.api")}
    assert {name for name in owner["build_secrets"] if any(name in text for text in found)} == {"COLOUR", "NOWHERE"}
