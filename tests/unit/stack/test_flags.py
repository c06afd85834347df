# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stack may say of feature flags."""

from __future__ import annotations

import pytest
from fakes.stacks import shop_definition, shop_with_flags

from release.errors import RefusedError
from release.stack.reader import read_stack

# Feature switches


def test_flags_survive_the_file_of_the_stack() -> None:
    stack = shop_with_flags()
    assert read_stack("shop", stack.to_mapping(with_env=True)) == stack


# Routes that a flag closes


@pytest.mark.parametrize(
    ("app", "route", "problem"),
    [
        ("api", "battle", "not valid"),
        ("api", "/battle/", "ends with a slash"),
        ("api", "/a b", "not valid"),
        ("front", "/battle", "not below a route of the app"),
        ("front", "/frontier", "not below a route of the app"),
        ("mail", "/mail", "it is a worker"),
    ],
)
def test_a_route_that_cannot_be(app: str, route: str, problem: str) -> None:
    definition = shop_definition()
    definition["apps"][app]["flags"] = {"battle": {"route": route}}
    with pytest.raises(RefusedError, match=problem):
        read_stack("shop", definition)
