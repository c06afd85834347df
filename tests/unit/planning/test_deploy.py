# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build leaves out."""

from __future__ import annotations

import pytest

from release.planning import deploy

IGNORED = [
    (None, False),
    ("# config\n", False),
    ("config", True),
    ("/config/\r\n", True),
    ("config/**\n", True),
    ("*\n!src\n", True),
    ("*\n!config/app.json\n", False),
    ("!config\nconfig\n", True),
    ("config.json\nmyconfig/\n", False),
]


@pytest.mark.parametrize(("text", "expected"), IGNORED)
def test_what_a_build_leaves_out(text: str | None, expected: bool) -> None:
    assert deploy.leaves_out(text, "config") is expected
