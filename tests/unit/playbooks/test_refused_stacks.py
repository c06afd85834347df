# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One stack with problems does not stand in the way of the others, and the run is no success."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes.stacks import shop_definition

pytestmark = [pytest.mark.usefixtures("collection"), pytest.mark.programs]
ROOT = Path(__file__).parents[3]


def test_the_others_are_read_and_the_end_is_a_failure(tmp_path: Path) -> None:
    blog: dict[str, Any] = shop_definition() | {"directory": "/srv/blog", "apps": {}}
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    stacks = {"onehost_stack_shop": shop_definition(), "onehost_stack_blog": blog}
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {"here": here | stacks}}}))
    role = "ansible.builtin.import_role"
    tasks = [
        {role: {"name": "onehost.release.stack", "tasks_from": "read.yml"}},
        {"ansible.builtin.debug": {"msg": "read {{ __stack_all | map(attribute='name') | join(' ') }}"}},
        {role: {"name": "onehost.release.stack", "tasks_from": "tell_refused.yml"}},
    ]
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), str(playbook)],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(tmp_path), "ANSIBLE_STDOUT_CALLBACK": "default"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "read shop" in done.stdout
    assert "left as it was on the host: blog" in done.stdout and "stack blog.apps: is empty" in done.stdout
