# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diff shows of files that are new."""

from __future__ import annotations

import importlib
from typing import Any

import pytest


@pytest.fixture
def shortened(collection: None) -> Any:
    return importlib.import_module("ansible_collections.onehost.release.plugins.plugin_utils.new_files").shortened


def numbered(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(count))


def test_of_a_long_new_file_the_beginning(shortened: Any) -> None:
    (part,) = shortened([{"before": "", "after": numbered(100), "after_header": "/etc/shop"}])
    assert part["after"] == numbered(6) + "(94 more lines; -v shows all)\n"
    assert part["after_header"] == "/etc/shop"


@pytest.mark.parametrize(
    "part",
    [
        {"before": "", "after": numbered(9)},
        {"before": "old\n", "after": numbered(100)},
        {"before": {"mode": "0600"}, "after": {"mode": "0644"}},
        {"prepared": "what apt prints"},
    ],
)
def test_all_of_a_short_one_and_of_what_changes(shortened: Any, part: dict[str, Any]) -> None:
    assert shortened(part) == part and shortened([part]) == [part]
