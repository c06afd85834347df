# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations as people write them: read, refused with place and fix, written down and read again."""

from __future__ import annotations

from typing import Any

import pytest
from fakes.stacks import MIGRATE, shop_definition, shop_with_migrations

from release.errors import RefusedError
from release.stack.migrate import Migrate, in_order
from release.stack.reader import read_stack


def test_read_with_its_defaults() -> None:
    migrate = read_stack("shop", shop_with_migrations(timeout_seconds=None, retries=None)).apps["api"].migrate
    assert migrate == Migrate(("migrate",), ("revision",), ("target",))
    assert (migrate.timeout_seconds, migrate.lock_seconds, migrate.statement_seconds, migrate.retries) == (
        300,
        3,
        60,
        3,
    )


def test_a_definition_with_it_can_be_read_again_and_one_without_stays_as_it_was() -> None:
    stack = read_stack("shop", shop_with_migrations(after=[], lock_seconds=0.5))
    assert read_stack("shop", stack.to_mapping(with_env=True)) == stack
    assert "migrate" not in read_stack("shop", shop_definition()).to_mapping(with_env=True)["apps"]["api"]


def refused(definition: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """What is wrong and the fix, by the place below the apps."""
    with pytest.raises(RefusedError) as error:
        read_stack("shop", definition)
    return {it.where.removeprefix("stack shop.apps."): (it.what, it.fix) for it in error.value.problems}


@pytest.mark.parametrize(
    ("changes", "where", "what"),
    [
        ({"command": None}, "api.migrate.command", "is missing"),
        ({"command": []}, "api.migrate.command", "is missing"),
        ({"revision": None}, "api.migrate.revision", "is missing"),
        ({"command": "alembic upgrade head"}, "api.migrate.command", "must be a list of texts"),
        ({"before_retry": "again"}, "api.migrate.before_retry", "must be a list of texts"),
        ({"target": None}, "api.migrate", "does not say how to find out whether something is to be done"),
        (
            {"check": ["check"]},
            "api.migrate.check",
            "does not go with `target`: both say whether something is to be done",
        ),
        ({"lock_seconds": 0}, "api.migrate.lock_seconds", "0 is not a number from 0.1 to 600"),
        ({"statement_seconds": "ten"}, "api.migrate.statement_seconds", "'ten' is not a number from 0.1 to 86400"),
        ({"retries": -1}, "api.migrate.retries", "-1 is out of range"),
        ({"timeout_seconds": 0}, "api.migrate.timeout_seconds", "0 is out of range"),
        ({"pause_seconds": 0}, "api.migrate.pause_seconds", "0 is out of range"),
        ({"after": ["mail"]}, "api.migrate.after", "goes after 'mail', which has no `migrate`"),
        ({"after": ["api"]}, "", "migrations wait for each other: api"),
        ({"back": ["alembic", "downgrade"]}, "api.migrate.back", "is not a known option"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_a_fix(changes: dict[str, Any], where: str, what: str) -> None:
    found = refused(shop_with_migrations(**changes))
    assert found[where or "stack shop.apps"][0] == what
    speaks_for_itself = any(words in what for words in ("out of range", "not a number", "must be a list"))
    assert speaks_for_itself or all(fix for _what, fix in found.values())


def test_all_problems_are_told_at_once() -> None:
    assert len(refused(shop_with_migrations(command=None, revision=None, target=None, retries=-1))) == 4


@pytest.mark.parametrize("migrate", ["alembic upgrade head", ["alembic"], 3])
def test_a_command_alone_is_no_migration(migrate: Any) -> None:
    definition = shop_definition()
    definition["apps"]["api"]["migrate"] = migrate
    assert refused(definition)["api.migrate"][0].startswith("must be a mapping")


def test_a_job_has_none() -> None:
    definition = shop_definition()
    definition["apps"]["seed"] = {"kind": "job", "image_of": "api", "command": ["seed"], "migrate": dict(MIGRATE)}
    assert refused(definition)["seed.migrate"][0] == "is for apps that go on running"


def test_the_order_is_what_they_say_and_else_by_name() -> None:
    def one(*after: str) -> Migrate:
        return Migrate(("m",), ("r",), ("t",), after=after)

    assert in_order({"web": one(), "api": one()}) == ["api", "web"]
    assert in_order({"api": one("web"), "web": one("mail"), "mail": one(), "a": one()}) == ["a", "mail", "web", "api"]
    assert in_order({"api": one("gone")}) == ["api"]
