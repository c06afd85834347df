# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Env files of apps for people who call Compose themselves."""

from __future__ import annotations

import dataclasses
import os
import pwd
from pathlib import Path
from typing import Any

from fakes.stacks import shop_definition
from fakes.world import World

from release.adapters.stack_directory import StackDirectory
from release.adapters.store import Store
from release.env.env_file import format_env, parse_env
from release.operations import compose_env_files
from release.paths import env_of
from release.releases import compose
from release.stack.reader import read_stack


def test_for_people_each_app_gets_what_it_needs(world: World, tmp_path: Path) -> None:
    matrix: dict[str, Any] = {"DATABASE_URL": {"apps": ["api"]}, "COLOUR": {"default": "red"}, "PUBLIC_URL": {}}
    definition = shop_definition() | {"env_matrix": matrix, "secrets": [], "directory": str(tmp_path)}
    # Whoever runs the tests, which may be root.
    stack = dataclasses.replace(read_stack("shop", definition), owner=pwd.getpwuid(os.getuid()).pw_name)
    host = dataclasses.replace(world.host, store=Store(str(tmp_path / "state")), directory=StackDirectory())
    services = compose.developer_compose_file(stack)["services"]
    assert services["api-prod"]["env_file"] == ["config/.env.production.api"]
    (tmp_path / "config").mkdir()
    layers = Path(env_of(stack.name, str(tmp_path / "state")))
    layers.mkdir(parents=True)
    for layer, values in stack.env.items():
        (layers / layer).write_text(format_env(values))
    old = tmp_path / "config" / ".env.production.gone"
    old.write_text("A=1")
    names = [f".env.{env}.{app}" for env in ("staging", "production") for app in stack.apps]
    assert compose_env_files.provide(host, stack, write=False) == [*names, old.name] and old.exists()
    assert compose_env_files.provide(host, stack) == [*names, old.name] and not old.exists()
    assert compose_env_files.provide(host, stack) == []
    found = {name: parse_env((tmp_path / "config" / name).read_bytes()) for name in names}
    assert found[".env.production.api"] == {
        "DATABASE_URL": "db://1",
        "COLOUR": "blue",
        "PUBLIC_URL": "http://production",
    }
    assert "DATABASE_URL" not in found[".env.staging.front"]
    assert {(tmp_path / "config" / name).stat().st_mode & 0o777 for name in names} == {0o600}
    assert {path for service in services.values() for path in service["env_file"]} == {
        f"config/{name}" for name in names
    }


def test_without_a_matrix_there_are_no_files_of_apps(world: World, tmp_path: Path) -> None:
    stack = read_stack("shop", shop_definition() | {"directory": str(tmp_path)})
    assert compose_env_files.provide(world.host, stack) == []
