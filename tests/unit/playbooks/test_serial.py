# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts: releases go host by host and stop at the first failure, provisioning goes to all at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.programs

PLAYBOOKS = Path(__file__).parents[3] / "playbooks"


def play(name: str) -> dict[str, Any]:
    plays: list[dict[str, Any]] = yaml.safe_load((PLAYBOOKS / f"{name}.yml").read_text())
    assert len(plays) == 1
    return plays[0]


@pytest.mark.parametrize("name", ["deploy_staging", "promote", "rollback"])
def test_a_release_goes_host_by_host_and_stops_at_the_first_failure(name: str) -> None:
    assert play(name)["serial"] == 1
    assert "any_errors_fatal" not in play(name), "it counts a host that cannot be reached twice, and goes on"


@pytest.mark.parametrize("name", ["provision", "cleanup", "status"])
def test_what_releases_nothing_goes_to_all_at_once(name: str) -> None:
    assert "serial" not in play(name)


#: Hosts that can be tried without being there: nobody listens on this port, and nothing is this interpreter.
AWAY = "ansible_host=127.0.0.1 ansible_port=9"
FAILING = "ansible_connection=local ansible_become=false ansible_python_interpreter=/nonexistent"


def tried(tmp_path: Path, playbook: str, kind: str) -> set[str]:
    """Run a playbook on three hosts of which each would fail. Returns those that were tried, by Ansible's recap."""
    inventory = tmp_path / "hosts"
    inventory.write_text("[onehost_hosts]\n" + "".join(f"host-{number} {kind}\n" for number in (1, 2, 3)))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), str(PLAYBOOKS / f"{playbook}.yml")],
        cwd=PLAYBOOKS.parent,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(tmp_path), "ANSIBLE_STDOUT_CALLBACK": "default"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    return set(re.findall(r"^(host-\d)\s*:", done.stdout.partition("PLAY RECAP")[2], flags=re.MULTILINE))


@pytest.mark.parametrize("kind", [AWAY, FAILING], ids=["away", "failing"])
def test_the_hosts_after_the_one_that_failed_are_left_alone(tmp_path: Path, kind: str) -> None:
    assert tried(tmp_path, "promote", kind) == {"host-1"}


def test_all_are_provisioned_though_one_may_fail(tmp_path: Path) -> None:
    assert tried(tmp_path, "provision", AWAY) == {"host-1", "host-2", "host-3"}
