# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What router, edge and firewall are told of the host, beside what the engine's operation finds."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import pytest
from fakes.stacks import shop_definition

from release.stack.reader import read_stack

from .conftest import Ask

ENGINE = "ansible_collections.onehost.release.plugins.module_utils.release"
STACKS = [read_stack("shop", shop_definition()).to_mapping(with_env=False)]


class Router:
    """HAProxy of that version."""

    def version(self) -> str:
        return "3.1"


@pytest.fixture
def maps(collection: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The engine's operation, on a host where nothing is released."""
    bootstrap = importlib.import_module(f"{ENGINE}.entrypoints.bootstrap")
    files = importlib.import_module(f"{ENGINE}.adapters.stack_files").StackFiles(str(tmp_path / "stacks"))
    host = dataclasses.replace(bootstrap.this_host(), stacks=files, router=Router())
    monkeypatch.setattr(bootstrap, "this_host", lambda: host)
    operations = importlib.import_module(f"{ENGINE}.operations.reach")
    monkeypatch.setattr(operations, "gather", lambda *_: operations.Needs(ports={"shop-production": [80]}))
    return importlib.import_module(f"{ENGINE}.operations.router_maps")


@pytest.mark.parametrize("missing", [[], ["production: nothing is live"]])
def test_whether_haproxy_needs_maps(ask: Ask, maps: Any, missing: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(maps, "provide", lambda *it, **how: asked.append((*it[1:], how)) or missing)
    found = ask("reach", stacks=STACKS)
    assert (found["maps_missing"], found["haproxy"], found["changed"]) == (bool(missing), "3.1", False)
    assert found["ports"] == {"shop-production": [80]}
    assert asked == [("shop", None, {"write": False})], "it only reads"


def test_in_doubt_it_does(ask: Ask, maps: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task that makes them then says what is wrong; edge and firewall need not know."""

    def unreadable(*_it: object, **_how: object) -> list[str]:
        raise PermissionError("/var/lib/onehost/switch")

    monkeypatch.setattr(maps, "provide", unreadable)
    assert ask("reach", stacks=STACKS)["maps_missing"]
