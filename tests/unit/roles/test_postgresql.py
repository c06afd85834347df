# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packages the role wants, and where those that the distribution lacks come from."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml
from support.rendering import ROLES, render, templar, trusted


def packages(*versions: str | None, engine: str = "postgresql", **more: Any) -> Any:
    """As the role's variables say. None is a stack without databases."""
    stacks = [
        {"name": f"s{number}"}
        if version is None
        else {"name": f"s{number}", "databases": {"main": {"engine": engine, "version": version, **more}}}
        for number, version in enumerate(versions)
    ]
    variables = trusted(yaml.safe_load((ROLES / "postgresql/vars/main.yml").read_text()))
    return templar(**{**variables, "postgresql_stacks": stacks}).template(variables["__postgresql_packages"])


def test_the_distributions_version_where_none_is_named() -> None:
    assert packages("", None, "") == ["nftables", "postgresql-common", "postgresql"]
    assert packages("18", "", "16")[2:] == ["postgresql", "postgresql-16", "postgresql-18"]
    assert packages("17")[2:] == ["postgresql-17"]


def test_what_makes_backups_is_installed_where_a_database_has_any() -> None:
    assert packages("", **{"backup": {"full": "daily"}}) == [
        *("nftables", "postgresql-common", "restic", "libeatmydata1", "pgbackrest", "postgresql")
    ]


@pytest.mark.parametrize("name", ["trixie", "noble", "jammy"])
def test_the_archive_is_trusted_by_the_distributions_key(name: str) -> None:
    release = base64.b64encode(f'NAME="Some"\nVERSION_CODENAME={name}\nID=some\n'.encode()).decode()
    lines = render("postgresql", "archive.sources.j2", __postgresql_release={"content": release}).splitlines()
    assert "URIs: https://apt.postgresql.org/pub/repos/apt" in lines
    assert f"Suites: {name}-pgdg" in lines
    assert "Signed-By: /usr/share/postgresql-common/pgdg/apt.postgresql.org.asc" in lines
