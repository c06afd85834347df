# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users install: which files, which version, for which Ansible."""

from __future__ import annotations

import fnmatch
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.package import ROOT, Installation, build, copy_clone, known_files, run

pytestmark = pytest.mark.programs

#: What lies about in a clone that is worked in: none of it may reach users.
JUNK = (
    ".lab/onehost-lab/id_ed25519",
    ".venv/bin/python",
    ".cache/sanity/ansible_collections/onehost/release/README.md",
    ".ansible/tmp/module.py",
    "inventories/oracle/host_vars/workhub-oracle/vault.yml",
    "docs/notes.txt",
    "onehost-release-0.0.1.tar.gz",
    "playbooks/promote.retry",
    "plugins/modules/__pycache__/promote.cpython-311.pyc",
    "roles/base/tasks/main.yml~",
    "roles/base/tasks/.main.yml.swp",
    "tests/output/report.json",
)


def load(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a clone that was worked in."""
    clone = copy_clone(tmp_path_factory.mktemp("clone"))
    for name in JUNK:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("junk\n")
    return build(clone, tmp_path_factory.mktemp("artifact"))


@pytest.fixture(scope="module")
def installation(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("somebody"), artifact)


def test_the_artifact_holds_what_users_need_and_nothing_else(artifact: Path) -> None:
    wanted = ("README*.md", "LICENSE", "CHANGELOG.rst", "SECURITY.md", "meta/runtime.yml", "docs/*", "playbooks/*.yml")
    wanted += ("plugins/*.py", "plugins/*.yml", "roles/*")
    expected = {name for name in known_files() if any(fnmatch.fnmatch(name, pattern) for pattern in wanted)}
    with tarfile.open(artifact) as archive:
        found = {member.name for member in archive.getmembers() if member.isfile()}
    assert found == expected | {"MANIFEST.json", "FILES.json"}
    assert {"playbooks/promote.yml", "plugins/modules/promote.py", "roles/edge/templates/server.conf.j2"} < found


def test_it_is_used_by_name_from_an_empty_folder(installation: Installation) -> None:
    """Playbooks, roles, modules and plugins are found there, each with its documentation."""
    listed = json.loads(installation.run("ansible-galaxy", "collection", "list", "--format", "json"))
    (mine,) = (found["onehost.release"] for found in listed.values() if "onehost.release" in found)
    assert mine["version"] == load("galaxy.yml")["version"]
    names = [f"onehost.release.{path.stem}" for path in sorted((ROOT / "playbooks").glob("*.yml"))]
    printed = installation.run("ansible-playbook", "--syntax-check", "-i", "localhost,", *names)
    for name in names:
        assert f"playbook: {name}" in printed or f"/playbooks/{name.rpartition('.')[2]}.yml" in printed
    roles = json.loads(installation.run("ansible-doc", "-t", "role", "--list", "--json", "onehost.release"))
    assert set(roles) == {f"onehost.release.{path.name}" for path in (ROOT / "roles").iterdir()}
    for kind in ("module", "lookup", "filter"):
        folder = ROOT / "plugins" / {"module": "modules"}.get(kind, kind)
        stems = {path.stem for path in folder.iterdir() if path.suffix in (".py", ".yml")} - {"__init__", "stack"}
        shown = json.loads(
            installation.run("ansible-doc", "-t", kind, "--json", *sorted(f"onehost.release.{stem}" for stem in stems))
        )
        assert all(item["doc"]["short_description"] for item in shown.values()) and len(shown) == len(stems)


def test_the_version_is_said_in_one_place() -> None:
    """galaxy.yml has it; the changelog has the same one, which antsibull-changelog took from there."""
    version = load("galaxy.yml")["version"]
    releases = load("changelogs/changelog.yaml")["releases"]
    newest = max(releases, key=lambda name: [int(part) for part in name.split(".")])
    assert newest == version
    assert f"\nv{version}\n" in (ROOT / "CHANGELOG.rst").read_text()
    said = re.compile(r"\b" + re.escape(version) + r"\b")
    places = [
        name
        for name in known_files()
        if name.startswith(("plugins/", "roles/", "playbooks/", "meta/", "pyproject.toml"))
        and said.search((ROOT / name).read_text())
    ]
    assert places == []


def test_the_ansible_that_is_asked_for_is_the_one_that_is_tested() -> None:
    """The oldest that is stated is the one in the lock, which every test runs with."""
    stated = load("meta/runtime.yml")["requires_ansible"]
    match = re.fullmatch(r">=(\d+\.\d+)\.0", stated)
    assert match, stated
    oldest = match[1]
    assert f"ansible-core=={oldest}.*" in (ROOT / "requirements" / "control.in").read_text()
    assert re.search(
        rf"^ansible-core=={re.escape(oldest)}\.\d+ ", (ROOT / "requirements" / "control.txt").read_text(), re.M
    )
    printed = run(["ansible", "--version"], where=ROOT)
    assert printed.startswith(f"ansible [core {oldest}."), printed
    for path in (ROOT / "roles").glob("*/meta/main.yml"):
        assert yaml.safe_load(path.read_text())["galaxy_info"]["min_ansible_version"] == oldest, path
    assert f"ansible-core {oldest}" in (ROOT / "README.md").read_text()


def test_nothing_but_ansible_itself_is_needed() -> None:
    used = {
        found
        for name in known_files()
        if name.startswith(("roles/", "playbooks/", "plugins/", "molecule/"))
        for found in re.findall(r"\b((?:ansible\.posix|community\.[a-z_]+)\.[a-z_]+)\b", (ROOT / name).read_text())
    }
    assert not used
    assert load("galaxy.yml")["dependencies"] == {}
