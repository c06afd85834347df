# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stacks as a host was provisioned with them."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from fakes.stacks import shop_definition

from release.stack.reader import read_stack

from .conftest import Ask


@pytest.fixture
def stacks(collection: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the host keeps them."""
    engine = "ansible_collections.onehost.release.plugins.module_utils.release"
    bootstrap = importlib.import_module(f"{engine}.entrypoints.bootstrap")
    files = importlib.import_module(f"{engine}.adapters.stack_files").StackFiles(str(tmp_path / "stacks"))
    host = dataclasses.replace(bootstrap.this_host(), stacks=files)
    monkeypatch.setattr(bootstrap, "this_host", lambda: host)
    return tmp_path / "stacks"


def written(name: str) -> dict[str, Any]:
    return read_stack(name, shop_definition()).to_mapping(with_env=False)


def test_all_or_those_that_are_named(ask: Ask, stacks: Path) -> None:
    assert ask("definitions")["stacks"] == [], "nothing was provisioned"
    stacks.mkdir()
    for name in ("blog", "shop"):
        (stacks / f"{name}.json").write_text(json.dumps(written(name)))
    assert ask("definitions", check=True)["stacks"] == [written("blog"), written("shop")]
    some = ask("definitions", stacks=["shop", "never"])
    assert some["stacks"] == [written("shop")] and not some["changed"]
    assert ask("definitions", stacks=[])["stacks"] == []


def test_what_cannot_be_read_is_told_with_its_fix(ask: Ask, stacks: Path) -> None:
    stacks.mkdir()
    (stacks / "shop.json").write_text("{")
    answer = ask("definitions")
    assert (
        answer["failed"] and "stack shop: its definition cannot be read" in answer["msg"] and "Fix: " in answer["msg"]
    )
