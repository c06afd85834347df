# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Glimpse's values follow from its addresses, on the lab and on a host with a certificate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.rendering import templar, trusted

from release.env.matrix_check import check
from release.stack.model import Stack
from release.stack.reader import read_stack

ROOT = Path(__file__).resolve().parents[3]
ORIGINS = "https://glimpse-mobile.vercel.app,https://glimpse-web.vercel.app,https://glimpse-admin.vercel.app"


def read(**changes: Any) -> Stack:
    """The stack as the lab's inventory has it, or with other variables."""
    shared = yaml.safe_load((ROOT / "group_vars" / "glimpse.yml").read_text())
    inventory = yaml.safe_load((ROOT / "inventories" / "lab-glimpse" / "glimpse.yml").read_text())
    host = inventory["all"]["children"]["glimpse"]["hosts"]["onehost-lab"]
    variables = trusted({**shared, **host, **changes})
    return read_stack("glimpse", templar(**variables).template(variables["onehost_stack_glimpse"]))


def test_nobody_writes_addresses_but_once(collection: None) -> None:
    stack = read()
    assert stack.env["production"]["API_URL"] == "http://api.glimpse.contact:4530/api/v1"
    assert stack.env["staging"]["SOCKET_URL"] == "ws://api.staging.glimpse.contact:4430/live"
    own = "http://www.glimpse.contact:4530,http://glimpse.contact:4530"
    assert stack.env["production"]["CORS_ORIGINS"] == f"{own},{ORIGINS}"
    assert check(stack.env_matrix, stack.env, ("staging", "production")) == []
    for key in ("API_URL", "SOCKET_URL", "CORS_ORIGINS"):
        others = {**stack.env, "production": {**stack.env["production"], key: "https://api.glimpse.app"}}
        assert ("not equal", key) in {
            (f.code, f.key) for f in check(stack.env_matrix, others, ("staging", "production"))
        }


def test_a_host_with_a_certificate(collection: None) -> None:
    tls = {"certificate": "/etc/ssl/glimpse.pem", "key": "/etc/ssl/glimpse.key"}
    stack = read(glimpse_scheme="https", glimpse_production_port="", glimpse_production_tls=tls)
    assert stack.env["production"]["API_URL"] == "https://api.glimpse.contact/api/v1"
    assert stack.env["production"]["SOCKET_URL"] == "wss://api.glimpse.contact/live"


@pytest.mark.parametrize("name", ["dead host", "host of the old guide", "apex", "origins", "session", "socket"])
def test_the_teams_list_is_asked(collection: None, name: str) -> None:
    assert name in {endpoint.name for endpoint in read().endpoints}
