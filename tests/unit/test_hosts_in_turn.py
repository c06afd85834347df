# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts: releases go host by host and stop at the first failure, provisioning goes to all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"


def play(name: str) -> dict[str, Any]:
    plays: list[dict[str, Any]] = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text())
    assert len(plays) == 1
    return plays[0]


@pytest.mark.parametrize("name", ["deploy_staging", "promote", "rollback"])
def test_a_release_goes_host_by_host_and_stops_at_the_first_failure(name: str) -> None:
    assert play(name)["serial"] == 1
    assert play(name)["any_errors_fatal"] is True


@pytest.mark.parametrize("name", ["provision", "cleanup", "status"])
def test_what_releases_nothing_goes_to_all_at_once(name: str) -> None:
    assert "serial" not in play(name)
