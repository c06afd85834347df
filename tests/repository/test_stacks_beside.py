# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stacks of test modules that share a lab fit one host: told here in a second, and not by a lab after minutes."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from support.lab import Lab

from release.stack.reader import read_stacks

E2E = Path(__file__).resolve().parents[1] / "e2e"


def stacks(path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Those of one module, which looks at no lab for them."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look it up there.
    monkeypatch.setitem(sys.modules, path.stem, module)
    spec.loader.exec_module(module)
    return dict(module.stacks(cast(Lab, None)))


def test_no_port_name_or_directory_is_used_by_two(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {}
    for path in sorted((E2E / "data").glob("test_*.py")):
        mine = stacks(path, monkeypatch)
        assert not found.keys() & mine.keys(), path.name
        found |= mine
    assert len(found) > 5
    assert {it.name for it in read_stacks(found)} == found.keys()
