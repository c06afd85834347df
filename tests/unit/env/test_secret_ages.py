# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The age of secrets."""

from __future__ import annotations

import json

from fakes.stacks import shop_with_matrix

from release.env import secret_ages
from release.stack.reader import read_stack


def test_ages_begin_when_a_value_changes() -> None:
    first = secret_ages.updated({}, {("staging", "A"): "one", ("production", "A"): "one"}, 1000.0)
    again = secret_ages.updated(first, {("staging", "A"): "two", ("production", "A"): "one"}, 1000.0 + 86400)
    assert secret_ages.changed(first, again) == ["staging/A"]
    assert secret_ages.days(again, 1000.0 + 2 * 86400) == {("staging", "A"): 1.0, ("production", "A"): 2.0}
    prints = [item["fingerprint"] for item in first["secrets"].values()]
    assert len(set(prints)) == 2, "the same value in two environments must not be recognised"
    assert "one" not in json.dumps(again)


def test_what_is_due_is_said_by_urgency() -> None:
    matrix = read_stack("shop", shop_with_matrix()).env_matrix
    found = secret_ages.due(
        matrix, {("staging", "DATABASE_URL"): 80.0, ("production", "DATABASE_URL"): 100.0, ("x", "COLOUR"): 999.0}
    )
    assert found == [
        "DATABASE_URL (production): due for 10 days, last changed 100 days ago",
        "DATABASE_URL (staging): due in 10 days, last changed 80 days ago",
    ]


def test_the_fingerprint_of_a_file_cannot_be_tried_without_the_salt() -> None:
    one, other = (secret_ages.salted({}, 1.0) for _ in range(2))
    assert secret_ages.salted(one, 2.0) == one and one["salt"] != other["salt"]
    prints = {secret_ages.content_fingerprint(r, x, b"A=1") for r in (one, other) for x in ("common", "staging")}
    assert len(prints) == 4 and all(len(text) == 64 for text in prints)
    assert secret_ages.content_fingerprint({}, "common", b"A=1") == ""
