# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab deploys: each app of an example is complete in its own folder, although they share files here."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

import lab_source

SHARED = sorted(lab_source.EXAMPLES.glob(f"*/{lab_source.SHARED}"))


@pytest.fixture(params=SHARED, ids=lambda folder: str(folder.parent.name))
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A checkout of the repository that the lab gets of an example with shared files."""
    source: Path = request.param.parent
    with tarfile.open(fileobj=io.BytesIO(lab_source.repository_archive(source.name, source))) as archive:
        archive.extractall(tmp_path, filter="data")
    # The archive's files belong to the lab's user, and git asks whose they are.
    trusted = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    url = str(tmp_path / f"{source.name}.git")
    lab_source.git(tmp_path, "clone", "--quiet", url, "checkout", extra=trusted)
    return tmp_path / "checkout"


def apps(tree: Path) -> list[Path]:
    return sorted(path.parent for path in tree.glob("*/package.json"))


def test_there_is_an_example_with_shared_files() -> None:
    assert SHARED != []


def test_every_file_is_in_the_repository_itself(tree: Path) -> None:
    assert not (tree / lab_source.SHARED).exists()
    assert [path for path in tree.rglob("*") if path.is_symlink()] == []
    assert len(apps(tree)) > 1
    for app in apps(tree):
        names = {path.name for path in app.iterdir()}
        assert {"Dockerfile", ".dockerignore", ".npmrc", "package-lock.json", "src"} <= names, app.name


def test_each_lock_file_is_of_its_apps_dependencies(tree: Path) -> None:
    for app in apps(tree):
        package = json.loads((app / "package.json").read_text())
        lock = json.loads((app / "package-lock.json").read_text())
        for key in ("dependencies", "engines", "license"):
            assert lock["packages"][""][key] == package[key], app.name
        # A shared one names no app.
        assert lock.get("name", package["name"]) == package["name"]


def test_every_change_has_its_apps_as_they_are_locked() -> None:
    for package_file in sorted(lab_source.EXAMPLES.glob("*-changes/*/*/package.json")):
        name, _, app = package_file.relative_to(lab_source.EXAMPLES).parts[:3]
        before = json.loads((lab_source.EXAMPLES / name.removesuffix("-changes") / app / "package.json").read_text())
        after = json.loads(package_file.read_text())
        assert {**before, "version": ""} == {**after, "version": ""}, app
