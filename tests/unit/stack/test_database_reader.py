# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases as people write them: what could not work is refused, all at once, with its place and fix."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.stacks import shop_definition, shop_with_databases

from release.errors import RefusedError
from release.stack.backups import Backup
from release.stack.databases import Database
from release.stack.reader import read_stack


def told(definition: dict[str, Any]) -> list[tuple[str, str, str]]:
    with pytest.raises(RefusedError) as refused:
        read_stack("shop", definition)
    return [(problem.where, problem.what, problem.fix) for problem in refused.value.problems]


def test_what_is_written_is_what_is_read() -> None:
    definition = shop_with_databases()
    definition["databases"]["main"].update(version=17, memory="1g", connections=50, app_user=False)
    stack = read_stack("shop", definition)
    both = ("staging", "production")
    assert stack.databases == {
        "main": Database("main", "postgresql", both, "17", "1g", 50, app_user=False),
        "lite": Database("lite", "sqlite", both, volume="data", file="lite.db"),
        "far": Database("far", "external", both, url="FAR_URL", owner_url="FAR_OWNER_URL"),
    }
    assert (stack.apps["api"].database, stack.apps["api"].variable) == ("main", "DATABASE_URL")
    for with_env in (True, False):
        again = stack.to_mapping(with_env=with_env)
        assert read_stack("shop", again, stored=True).to_mapping(with_env=with_env) == again
    assert read_stack("shop", stack.to_mapping(with_env=True)) == stack


def test_addresses_are_secrets_that_nobody_has_to_name() -> None:
    stack = read_stack("shop", shop_with_databases())
    assert {"ONEHOST_DATABASE_MAIN_APP", "ONEHOST_DATABASE_MAIN_OWNER", "DATABASE_URL"} <= set(stack.secrets)
    assert "ONEHOST_DATABASE_MAIN_APP" not in stack.env_matrix


def test_without_them_a_definition_is_as_it_was_before() -> None:
    mapping = read_stack("shop", shop_definition()).to_mapping(with_env=True)
    assert "databases" not in mapping
    assert not any(key.startswith("database") for app in mapping["apps"].values() for key in app)


@pytest.mark.parametrize(
    ("changes", "where", "what", "fix"),
    [
        ({"engine": "mysql"}, ".engine", "is not known", "sqlite"),
        ({"backup": {"repository": "tape"}}, ".backup.repository", "is no place for backups", "path, s3"),
        ({"backup": {"repository": ["s3", "s3"]}}, ".backup.repository", "twice", "remove one"),
        ({"backup": {"repository": []}}, ".backup.repository", "is no place", "path, s3"),
        ({"backup": {"full": "monthly"}}, ".backup.full", "is not known", "weekly"),
        ({"backup": {"full": "daily", "incremental": "weekly"}}, ".backup.incremental", "less often", "daily"),
        ({"backup": {"keep_days": 3}}, ".backup.keep_days", "less than the time between two full", "full: daily"),
        ({"backup": {"too_old_hours": 3}}, ".backup.too_old_hours", "less than the time between", "more hours"),
        ({"backup": {"keep": 3}}, ".backup.keep", "is not a known option", "keep_days"),
        ({"volume": "data"}, ".volume", "has no effect with `engine: postgresql`", "engine: sqlite"),
        ({"url": "FAR_URL"}, ".url", "has no effect", "engine: external"),
        ({"version": "9.6"}, ".version", "is not valid", "17"),
        ({"memory": "much"}, ".memory", "is not valid", "512m"),
        ({"memory": "64m", "connections": 5}, ".memory", "too little for PostgreSQL", "128m"),
        ({"memory": "256m", "connections": 200}, ".memory", "too little for 200 connections", "1064m"),
        ({"environments": ["qa"]}, ".environments", "is not an environment", "staging"),
        ({"environments": ["production"]}, "", "is not in staging, where this app is", "environments"),
        ({"password_generation": 0}, ".password_generation", "out of range", ""),
        ({"pasword": "x"}, ".pasword", "", ""),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], where: str, what: str, fix: str) -> None:
    definition = shop_with_databases()
    definition["databases"]["main"].update(changes)
    assert any(where in place and what in said and fix in how for place, said, how in told(definition))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"database": "other"}, "'other' is not a database of this stack"),
        ({"database": "lite"}, "database lite is in a volume that this app lacks"),
        ({"database_scheme": "mysql"}, "'mysql' is not known"),
        ({"database_variable": "API_TOKEN"}, "API_TOKEN is set by the env matrix too"),
        ({"environment": {"DATABASE_URL": "x"}}, "DATABASE_URL is set by the app's `environment` too"),
        ({"database": None, "database_scheme": "postgres"}, "has no effect without `database`"),
    ],
)
def test_what_an_app_cannot_want_is_refused(changes: dict[str, Any], what: str) -> None:
    definition = shop_with_databases()
    definition["apps"]["api"].update(changes)
    assert any(what in said for _place, said, _fix in told(definition))


def test_everything_is_told_at_once() -> None:
    definition = shop_with_databases()
    definition["env_matrix"].pop("FAR_URL")
    definition["env_matrix"]["ONEHOST_DATABASE_MAIN_APP"] = {"class": "secret"}
    definition["databases"]["lite"]["volume"] = "lost"
    definition["databases"]["ma-in"] = {"connections": 1}
    said = [what for _place, what, _fix in told(definition)]
    for part in ("FAR_URL is no secret", "begins as only names", "volume 'lost'", "called like main", "out of range"):
        assert any(part in what for what in said), part


def test_a_cluster_wants_a_matrix() -> None:
    definition = shop_with_databases()
    del definition["env_matrix"], definition["databases"]["far"]
    definition["env"] = {}
    assert any("wants an env matrix" in what for _place, what, _fix in told(definition))


def test_backups_are_read_as_they_are_written() -> None:
    definition = shop_with_databases()
    definition["databases"]["main"]["backup"] = {"repository": ["s3", "path"], "full": "daily", "too_old_hours": 30}
    definition["databases"]["lite"]["backup"] = True
    stack = read_stack("shop", definition)
    assert stack.databases["main"].backup == Backup(("s3", "path"), "daily", too_old_hours=30)
    assert stack.databases["lite"].backup == Backup(dump="never")
    assert stack.databases["far"].backup is None
    again = stack.to_mapping(with_env=True)
    assert "backup" not in again["databases"]["far"] and "dump" not in again["databases"]["lite"]["backup"]
    assert read_stack("shop", again, stored=True) == stack


def test_what_lives_elsewhere_is_backed_up_there_and_a_file_has_no_dump() -> None:
    definition = shop_with_databases()
    definition["databases"]["far"]["backup"] = {}
    definition["databases"]["lite"]["backup"] = {"dump": "daily"}
    found = {where.rpartition("databases.")[2]: what for where, what, _fix in told(definition)}
    assert "has no effect with `engine: external`" in found["far.backup"]
    assert "copied as a file" in found["lite.backup.dump"]


@pytest.mark.parametrize(
    ("backup", "hours"), [(Backup(), 48), (Backup(incremental="hourly"), 2), (Backup(too_old_hours=5), 5)]
)
def test_the_newest_may_be_twice_as_old_as_planned(backup: Backup, hours: int) -> None:
    assert backup.limit_seconds == hours * 3600
