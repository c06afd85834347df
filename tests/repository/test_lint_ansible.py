# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The syntax checks of `make lint` find what `ansible-playbook --syntax-check` finds, in the same words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.package import ROOT

from lint_ansible import SyntaxChecks

pytestmark = pytest.mark.programs
GOOD = "playbooks/promote.yml"
BAD = {
    "no such module": "---\n- hosts: all\n  tasks:\n    - name: Do\n      nobody.knows.it:\n",
    "no such keyword": "---\n- hosts: all\n  tasks:\n    - name: Do\n      ansible.builtin.ping:\n      wen: no\n",
    "no YAML": "---\n- hosts: [\n",
    "no such role": "---\n- hosts: all\n  roles: [nobody]\n",
}


@pytest.fixture(scope="module")
def checks() -> Iterator[SyntaxChecks]:
    with SyntaxChecks() as found:
        yield found


def asked(path: str) -> list[str]:
    return ["ansible-playbook", "--syntax-check", "-vv", path]


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_found(checks: SyntaxChecks, tmp_path: Path, name: str) -> None:
    path = tmp_path / "playbook.yml"
    path.write_text(BAD[name])
    words = asked(str(path))
    plain = subprocess.run(words, capture_output=True, text=True, check=False)
    found = checks.run(words, env=os.environ)
    assert plain.returncode != 0
    assert (found.returncode, found.stdout, found.stderr) == (plain.returncode, plain.stdout, plain.stderr)


def test_what_is_right_passes_after_something_wrong(checks: SyntaxChecks) -> None:
    assert checks.run(asked("nowhere.yml"), env=os.environ).returncode == 1
    found = checks.run(asked(str(ROOT / GOOD)), env=os.environ)
    assert found.returncode == 0 and f"playbook: {ROOT / GOOD}" in found.stdout


def test_their_processes_end() -> None:
    with SyntaxChecks() as made:
        made.run(asked(GOOD), env=os.environ)
        server = made._idle.get_nowait()
        made._idle.put(server)
        assert server.poll() is None
    assert server.returncode == 0
