# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans: there and back, and the moves of tags."""

from __future__ import annotations

import json

import pytest
from fakes.releases import release

from release.releases.plan import Plan, TagMove, moves, reversed_moves
from release.releases.release import Live


@pytest.mark.parametrize("was", [None, Live("blue", "r0")])
def test_plan_there_and_back(was: Live | None) -> None:
    plan = Plan(
        "promote", "shop", "production", release(1), True, "green", was, "create", (TagMove("a", "b", "c", ""),)
    )
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    assert plan.goal == Live("green", release(1).id)


def test_moves_and_their_reverse() -> None:
    current = {("api", "production"): "one", ("mail", "production"): "two"}
    found = moves({"api": "one", "mail": "three", "new": "four"}, "production", current)
    assert found == [TagMove("mail", "production", "three", "two"), TagMove("new", "production", "four", "")]
    assert reversed_moves(tuple(found)) == (
        TagMove("new", "production", "", "four"),
        TagMove("mail", "production", "two", "three"),
    )
