# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alumni's values: those of its plan, with their shapes, and each environment with its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from support.rendering import templar, trusted

from release.env.matrix_check import check
from release.stack.model import Stack
from release.stack.reader import read_stack

ROOT = Path(__file__).resolve().parents[3]
#: The plan's, without DATABASE_URL: the address of a database is in no inventory.
KEYS = """
APP_ENV JWT_SECRET CORS_ORIGINS RATE_LIMIT_DEFAULT RATE_LIMIT_POST_CREATE
VAPID_PUBLIC_KEY VAPID_PRIVATE_KEY VAPID_SUBJECT PUSH_ENCRYPT_AT_REST PUSH_KEK MEDIA_ROOT MEDIA_URL_BASE
SENTRY_DSN RELEASE SENTRY_TRACES_SAMPLE_RATE SENTRY_PROFILES_SAMPLE_RATE SENTRY_SEND_DEFAULT_PII
"""


@pytest.fixture(scope="module")
def stack(collection: None) -> Stack:
    shared = yaml.safe_load((ROOT / "group_vars" / "alumni.yml").read_text())
    inventory = yaml.safe_load((ROOT / "inventories" / "lab-alumni" / "alumni.yml").read_text())
    host = inventory["all"]["children"]["alumni"]["hosts"]["onehost-lab"]
    variables = trusted({**shared, **host})
    return read_stack("alumni", templar(**variables).template(variables["onehost_stack_alumni"]))


def findings(stack: Stack, **changes: str) -> set[tuple[str, str]]:
    """What is wrong with the values, with some of production's changed."""
    layers = {**stack.env, "production": {**stack.env["production"], **changes}}
    return {(it.key, it.code) for it in check(stack.env_matrix, layers, ("staging", "production"))}


def test_the_keys_are_those_of_the_plan(stack: Stack) -> None:
    assert sorted(stack.env_matrix) == sorted(KEYS.split())
    addresses = {"ONEHOST_DATABASE_MAIN_APP", "ONEHOST_DATABASE_MAIN_OWNER"}
    assert set(stack.secrets) == {"DATABASE_URL", "JWT_SECRET", "VAPID_PRIVATE_KEY", "PUSH_KEK"} | addresses
    assert findings(stack) == set()


def test_the_api_migrates_and_each_environment_has_its_own_database(stack: Stack) -> None:
    assert list(stack.migrations) == ["alumni-api"]
    assert stack.databases["main"].environments == tuple(stack.environments)
    assert [(app.name, app.database_scheme) for app in stack.apps.values() if app.database == "main"] == [
        ("alumni-api", "postgresql+psycopg")
    ]
    assert not any("alumni-web" in key.apps or not key.apps for key in stack.env_matrix.values()), (
        "nothing for the page"
    )


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("APP_ENV", "production", "wrong type"),
        ("JWT_SECRET", "short", "wrong type"),
        ("JWT_SECRET", "lab-only-staging-signs-nothing-of-worth", "reused"),
        ("CORS_ORIGINS", "board.alumni.example", "wrong type"),
        ("RATE_LIMIT_POST_CREATE", "5 per minute", "wrong type"),
        ("VAPID_PUBLIC_KEY", "abc", "wrong type"),
        ("VAPID_SUBJECT", "push@alumni.example", "wrong type"),
        ("PUSH_KEK", "x" * 32, "wrong type"),
        ("SENTRY_TRACES_SAMPLE_RATE", "5%", "wrong type"),
        ("SENTRY_DNS", "https://lab-only@sentry.alumni.example/1", "unknown"),
    ],
)
def test_a_wrong_value_is_named(stack: Stack, key: str, value: str, code: str) -> None:
    assert (key, code) in findings(stack, **{key: value})
