# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of databases, as apps and whoever changes the schema get them."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.stacks import shop_with_databases

from release.env.env_file import format_env
from release.stack.app_env import values_of
from release.stack.databases import OWNER
from release.stack.reader import read_stack

VALUES = {
    "ONEHOST_DATABASE_MAIN_APP": "postgresql://app_1:pw@host.docker.internal:5433/main",
    "ONEHOST_DATABASE_MAIN_OWNER": "postgresql://owner:own@host.docker.internal:5433/main",
    "FAR_URL": "postgresql://app@db.example/far",
    "FAR_OWNER_URL": "postgresql://owner@db.example/far",
}


def values(role: str = "app", app: str = "api", **changes: Any) -> dict[str, str]:
    definition = shop_with_databases()
    definition["apps"]["api"].update(changes)
    env = {"common": b"", "staging": format_env(VALUES, "test").encode()}
    return values_of(read_stack("shop", definition), app, "staging", env, role)


def test_an_app_gets_its_own_address_and_no_other() -> None:
    found = values()
    assert found["DATABASE_URL"] == VALUES["ONEHOST_DATABASE_MAIN_APP"]
    assert not [name for name in found if name.startswith("ONEHOST")]
    assert "own" not in "".join(found.values())
    assert "DATABASE_URL" not in values(app="front")


def test_who_migrates_gets_the_owners() -> None:
    assert values(OWNER)["DATABASE_URL"] == VALUES["ONEHOST_DATABASE_MAIN_OWNER"]


@pytest.mark.parametrize(
    ("changes", "variable", "address"),
    [
        ({"database_scheme": "postgresql+asyncpg"}, "DATABASE_URL", "postgresql+asyncpg://app_1:pw@host"),
        ({"database_variable": "DB"}, "DB", "postgresql://app_1:pw@host"),
        ({"database": "lite", "volumes": {"data": "/data"}}, "DATABASE_URL", "sqlite:////data/lite.db"),
        (
            {"database": "lite", "volumes": {"data": "/data"}, "database_scheme": "file"},
            "DATABASE_URL",
            "file:/data/lite.db",
        ),
        ({"database": "far"}, "DATABASE_URL", "postgresql://app@db.example/far"),
    ],
)
def test_the_address_is_written_as_the_app_wants_it(changes: dict[str, Any], variable: str, address: str) -> None:
    assert values(**changes)[variable].startswith(address)


def test_who_migrates_what_lives_elsewhere_gets_the_owners_too() -> None:
    assert values(OWNER, database="far")["DATABASE_URL"] == VALUES["FAR_OWNER_URL"]
    assert "FAR_OWNER_URL" not in values(OWNER, database="far")
    assert "FAR_OWNER_URL" not in values(database="far")
