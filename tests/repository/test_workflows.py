# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workflows: they run exactly the actions that were chosen, since a tag may be moved, a commit may not; and those that
users copy tell nobody their keys."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.package import ROOT
from support.pipelines import GITHUB, GITLAB, SYSTEMS, scripts

import workflows

PINNED = re.compile(r"\s*(- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
OWN = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
COPIED = sorted((ROOT / "examples").glob("*/workflows/*.yml"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*OWN, *(it for it in COPIED if it.name == GITHUB)], ids=name_of)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = [line for line in path.read_text().splitlines() if "uses:" in line]
    assert used
    assert [line.strip() for line in used if not PINNED.fullmatch(line)] == []


def test_each_example_has_one_for_each_system() -> None:
    assert workflows.stacks() and {(path.parent.parent.name, path.name) for path in COPIED} == {
        (stack, system) for stack in workflows.stacks() for system in SYSTEMS
    }
    assert workflows.main(["--check"]) == 0


def test_one_that_was_changed_by_hand_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workflows, "ROOT", tmp_path)
    (tmp_path / "copied.yml").write_text("changed")
    monkeypatch.setattr(workflows, "wanted", lambda: {tmp_path / "copied.yml": "made"})
    assert workflows.main(["--check"]) == 1 and "copied.yml: is not as its template" in capsys.readouterr().err
    assert workflows.main([]) == 0 and (tmp_path / "copied.yml").read_text() == "made"


@pytest.mark.parametrize("path", COPIED, ids=name_of)
def test_their_scripts_are_sound(path: Path, tmp_path: Path) -> None:
    for job, script in scripts(path).items():
        file = tmp_path / f"{job}.sh"
        file.write_text(f"#!/bin/bash\n{script}")
        # What is expanded here and not on the host is meant to be.
        done = subprocess.run([SHELLCHECK, "--severity=warning", file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", COPIED, ids=name_of)
def test_no_key_is_a_word_of_a_command(path: Path) -> None:
    for script in scripts(path).values():
        assert "secrets." not in script and "${{" not in script, "only by the environment, as data"
        assert not re.search(r"set -\w*x", script)
        # printf is the shell's own, so its words are in no list of processes.
        uses = re.findall(r".*\$(?:KEY|ONEHOST_SSH_KEY)\b.*", script)
        assert uses and all(line.strip().startswith(("printf ", "{ cat ")) for line in uses), uses


@pytest.mark.parametrize("path", [it for it in COPIED if it.name == GITHUB], ids=name_of)
def test_github_gives_the_key_to_jobs_of_an_environment_alone(path: Path) -> None:
    flow = yaml.safe_load(path.read_text())
    assert flow["permissions"] == {} and flow["concurrency"]["cancel-in-progress"] is False
    assert {name: job["environment"] for name, job in flow["jobs"].items()} == {
        "staging": "staging",
        "production": "production",
    }
    # Nobody but who may push to main starts it, so no fork's pull request gets a key.
    assert flow[True] == {"push": {"branches": ["main"]}}


@pytest.mark.parametrize("path", [it for it in COPIED if it.name == GITLAB], ids=name_of)
def test_gitlab_starts_production_by_hand(path: Path) -> None:
    flow = yaml.safe_load(path.read_text())
    production = flow["production"]
    assert production["rules"] == [{"when": "manual"}] and production["allow_failure"] is False
    assert production["environment"] == "production" and flow["staging"]["environment"] == "staging"
    for name in ("staging", "production"):
        assert flow[name]["artifacts"]["when"] == "always"
        assert flow[name]["artifacts"]["reports"]["junit"] == f"endpoints-{name}.xml"
