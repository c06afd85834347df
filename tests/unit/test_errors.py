# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors and problems as text."""

from __future__ import annotations

import pytest

from release.errors import OperationError, Problem


@pytest.mark.parametrize("fix", ["", "do this"])
def test_errors_as_text(fix: str) -> None:
    end = " Fix: do this" if fix else ""
    assert str(Problem("is wrong", "here", fix)) == f"here: is wrong.{end}"
    assert str(OperationError("broke", "here", "why", fix)) == f"here: broke: why.{end}"
