# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LeakWatch's values: those of its plan, with their shapes, and each environment with its own."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.rendering import templar, trusted

from release.env.matrix_check import check
from release.stack.model import Stack
from release.stack.reader import read_stack

ROOT = Path(__file__).resolve().parents[3]
STACK = "onehost_stack_leakwatch"
#: The plan's, and what the platform adds: where the log is kept.
KEYS = """
NODE_ENV DATABASE_URL REDIS_URL LW_ENCRYPTION_KEY_32B LW_BASE_URL
SHOPIFY_API_KEY SHOPIFY_API_SECRET SHOPIFY_SCOPES SHOPIFY_APP_URL SHOPIFY_WEBHOOK_SECRET
R2_ENDPOINT R2_ACCESS_KEY_ID R2_SECRET_ACCESS_KEY R2_BUCKET R2_PUBLIC_BASE_URL
OPENAI_API_KEY OPENAI_MODEL_NORMALIZE OPENAI_MODEL_WRITE OPENAI_MAX_RETRIES
MAILGUN_API_KEY MAILGUN_DOMAIN MAILGUN_WEBHOOK_SIGNING_KEY MAIL_FROM
SENTRY_DSN_WEB SENTRY_DSN_API SENTRY_DSN_WORKER LW_LOG_DIRECTORY
"""
SECRETS = """
DATABASE_URL LW_ENCRYPTION_KEY_32B SHOPIFY_API_SECRET SHOPIFY_WEBHOOK_SECRET R2_ACCESS_KEY_ID R2_SECRET_ACCESS_KEY
OPENAI_API_KEY MAILGUN_API_KEY MAILGUN_WEBHOOK_SIGNING_KEY
"""


def read(**changes: Any) -> Stack:
    """The stack as the lab's inventory has it, or with other variables."""
    shared = yaml.safe_load((ROOT / "group_vars" / "leakwatch.yml").read_text())
    inventory = yaml.safe_load((ROOT / "inventories" / "lab-leakwatch" / "leakwatch.yml").read_text())
    host = inventory["all"]["children"]["leakwatch"]["hosts"]["onehost-lab"]
    variables = trusted({**shared, **host, **changes})
    return read_stack("leakwatch", templar(**variables).template(variables[STACK]))


@pytest.fixture(scope="module")
def stack(collection: None) -> Stack:
    return read()


def findings(stack: Stack, **changes: str) -> list[tuple[str, str, str]]:
    """What is wrong with the values, with some of production's changed."""
    layers = {**stack.env, "production": {**stack.env["production"], **changes}}
    return [(it.key, it.environment, it.code) for it in check(stack.env_matrix, layers, ("staging", "production"))]


def test_the_keys_are_those_of_the_plan(stack: Stack) -> None:
    assert sorted(stack.env_matrix) == sorted(KEYS.split())
    assert sorted(stack.secrets) == sorted(SECRETS.split())
    assert findings(stack) == []


def test_the_apps_are_those_of_the_plan(stack: Stack) -> None:
    api, worker, scan = (stack.apps[f"leakwatch-{name}"] for name in ("api", "worker", "scan"))
    assert (api.replicas, api.after, api.body_limit) == (2, ("leakwatch-worker",), "1m")
    assert worker.image_of == scan.image_of == "leakwatch-api" and worker.health_command
    assert worker.stop_seconds == 30, "longer than the longest work takes"
    assert scan.is_job and scan.schedule == "04:00 UTC"
    assert {name: stack.environments[name].ports for name in ("staging", "production")} == {
        "staging": (4410,),
        "production": (4510,),
    }


def test_who_gets_what(stack: Stack) -> None:
    def of(app: str) -> set[str]:
        return {key.name for key in stack.env_matrix.values() if not key.apps or app in key.apps}

    assert of("leakwatch-web") == {"NODE_ENV", "LW_BASE_URL", "SENTRY_DSN_WEB"}, "no secret gets to the pages"
    assert not of("leakwatch-api") & {"OPENAI_API_KEY", "MAILGUN_API_KEY"}
    assert of("leakwatch-scan") == {"NODE_ENV", "LW_BASE_URL", "LW_LOG_DIRECTORY", *SECRETS.split()}, (
        "it looks for every one"
    )
    assert not any("redis" in key.apps for key in stack.env_matrix.values())
    assert {key.name for key in stack.env_matrix.values() if "files" in key.apps} <= {
        name for name in KEYS.split() if "R2" in name
    }


def test_no_environment_has_anothers_values(stack: Stack) -> None:
    staging, production = stack.env["staging"], stack.env["production"]
    shared = {name for name, value in staging.items() if value and value == production.get(name)}
    assert shared == {"R2_ENDPOINT"}, "which is another server under the same name"


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("LW_ENCRYPTION_KEY_32B", base64.b64encode(b"x" * 31).decode(), "wrong type"),
        ("LW_ENCRYPTION_KEY_32B", "x" * 32, "wrong type"),
        ("LW_BASE_URL", "app.leakwatch.example", "wrong type"),
        ("SHOPIFY_API_KEY", "0123", "wrong type"),
        ("SHOPIFY_APP_URL", "https://elsewhere.example", "not equal"),
        ("SHOPIFY_SCOPES", "read_orders, read_products", "wrong type"),
        ("R2_BUCKET", "Not_A_Bucket", "wrong type"),
        ("R2_BUCKET", "leakwatch-staging", "reused"),
        ("OPENAI_API_KEY", "not-a-key", "wrong type"),
        ("OPENAI_MAX_RETRIES", "three", "wrong type"),
        ("MAIL_FROM", "nobody", "wrong type"),
        ("MAILGUN_API_KEY", "", "empty"),
        ("SENTRY_DSN_API", "sentry", "wrong type"),
        ("R2_PUBLIC_BASE_URL", "files", "wrong type"),
        ("NEXT_PUBLIC_API", "https://app.leakwatch.example", "unknown"),
    ],
)
def test_a_wrong_value_is_named(stack: Stack, key: str, value: str, code: str) -> None:
    assert code in {found for name, _, found in findings(stack, **{key: value}) if name == key}


def test_a_host_with_a_rented_bucket_has_redis_alone(collection: None) -> None:
    rented = read(leakwatch_further_services={}, leakwatch_further_volumes={})
    assert set(rented.services) == {"redis"} and set(rented.volumes) == {"queue", "logs"}
    assert rented.env_matrix["R2_BUCKET"].apps == ("leakwatch-api", "leakwatch-worker")
