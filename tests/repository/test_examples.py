# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab deploys: each app of an example is complete in its own folder, although they share files here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import lab_options
import lab_source

SHARED = sorted(lab_source.EXAMPLES.glob(f"*/{lab_source.SHARED}"))


@pytest.fixture(params=SHARED, ids=lambda folder: str(folder.parent.name))
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A checkout of the repository that the lab gets of an example with shared files."""
    source: Path = request.param.parent
    # Not by Python, whose filters are younger than Debian 12's 3.11.2. The archive's files belong to the lab's user,
    # and git asks whose they are.
    archive = lab_source.repository_archive(source.name, source)
    subprocess.run(["tar", "x", "--no-same-owner", "-C", str(tmp_path)], input=archive, check=True, timeout=60)
    url = str(tmp_path / f"{source.name}.git")
    lab_source.git(tmp_path, "clone", "--quiet", url, "checkout")
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


@pytest.mark.parametrize(
    "path", sorted(lab_source.EXAMPLES.rglob("package-lock.json")), ids=lambda path: str(path.parent)
)
def test_a_lock_has_hashes_and_no_addresses(path: Path) -> None:
    """So it is good with any registry: a mirror, a proxy, a cache."""
    packages = json.loads(path.read_text())["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name


def test_python_packages_have_hashes_and_no_addresses() -> None:
    files = sorted(lab_source.EXAMPLES.rglob("requirements.txt"))
    assert files != []
    for path in files:
        text = path.read_text()
        assert "://" not in text and text.count("==") <= text.count("--hash=sha256:"), path


def test_every_demo_is_of_an_example_and_has_its_module() -> None:
    demos = sorted(lab_source.EXAMPLES.glob("*-demo"))
    assert [path.name for path in demos] == ["alumni-demo", "glimpse-demo", "leakwatch-demo", "workhub-demo"]
    for path in demos:
        stack = path.name.removesuffix("-demo")
        assert stack in lab_source.examples() and (path / f"{stack}_demo.py").is_file()
        assert path.name not in lab_source.examples(), "it is no repository of the lab"
        if (path / "lab.json").exists():
            assert {f"{stack}_staging", f"{stack}_production"} <= set(lab_options.PORTS)
            assert (lab_source.ROOT / "inventories" / f"lab-{stack}").is_dir()


def test_an_example_without_a_demo_is_refused_with_what_there_is() -> None:
    words = [sys.executable, str(lab_source.ROOT / "tools/demo.py"), "--stack", "nothing"]
    answer = subprocess.run(words, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert (
        "there is no demo of nothing. Fix: choose one of workhub, alumni, glimpse, leakwatch, or all"
        in answer.stdout + answer.stderr
    )
