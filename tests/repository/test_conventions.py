# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import configparser
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
ENGINE = sorted((ROOT / "plugins" / "module_utils" / "release").rglob("*.py"))
#: What only group_vars, inventories and examples may know.
PRODUCT = re.compile(
    "|".join(
        [
            "workhub",
            "wbhubmanager",
            "wbsaleshub",
            "wbfinhub",
            "wbonboardinghub",
            "hwtestagent",
            r"158\.180\.95",
            "leakwatch",
            "glimpse",
            "alumni",
        ]
    ),
    re.I,
)


def text_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
                yield path


def test_code_does_not_know_the_product() -> None:
    """Nor do the examples of its documentation."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in text_files("plugins", "roles", "playbooks")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if PRODUCT.search(line)
    ]
    assert not found, "\n".join(found)


def test_the_settings_beside_the_playbooks_are_the_same() -> None:
    """Ansible reads the file of the folder it is started in; both must mean the same."""

    def settings(path: Path) -> dict[str, dict[str, str]]:
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(path)
        return {name: dict(parser[name]) for name in parser.sections()}

    above, beside = settings(ROOT / "ansible.cfg"), settings(ROOT / "playbooks" / "ansible.cfg")
    for key, value in above["defaults"].items():
        if (ROOT / value).exists():
            assert (ROOT / "playbooks" / beside["defaults"][key]).resolve() == (ROOT / value).resolve(), key
            beside["defaults"][key] = value
        elif beside["defaults"][key] == f"../{value}":  # made by setup, or still to come
            beside["defaults"][key] = value
    assert above == beside


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) if path.exists() else None


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_what_the_specification_says(role: str) -> None:
    home = ROOT / "roles" / role
    specification = load(home / "meta" / "argument_specs.yml")["argument_specs"]
    options = {name: option for entry in specification.values() for name, option in entry.get("options", {}).items()}
    defaults = load(home / "defaults" / "main.yml") or {}
    required = {name for name, option in options.items() if option.get("required")}
    assert set(defaults) == set(options) - required
    for name, option in options.items():
        assert option.get("description"), f"{name} is not described"
        assert name.startswith(f"{role}_"), f"{name} may collide with a variable of somebody else"
        if name not in required:
            assert option.get("default") == defaults[name], name


@pytest.mark.parametrize("role", ROLES)
def test_roles_have_one_shape(role: str) -> None:
    home = ROOT / "roles" / role
    for part in ("README.md", "meta/main.yml", "meta/argument_specs.yml", "defaults/main.yml", "tasks/main.yml"):
        assert (home / part).is_file(), part
    for name in load(home / "vars" / "main.yml") or {}:
        assert name.startswith(f"__{role}_"), f"{name} is private and should look so"
    for option in load(home / "defaults" / "main.yml") or {}:
        assert option in (home / "README.md").read_text(), f"{option} is not in the README"


def test_the_engine_stands_alone() -> None:
    """The standard library and itself, so that it runs on a host where nothing is installed."""
    for path in ENGINE:
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
            for name in names:
                assert name.split(".")[0] in sys.stdlib_module_names, f"{path.name} imports {name}"


def test_playbooks_read_as_a_table_of_contents() -> None:
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        assert len(path.read_text().splitlines()) <= 120, path.name


def test_modules_are_thin() -> None:
    for path in sorted((ROOT / "plugins" / "modules").glob("*.py")):
        assert len(path.read_text().splitlines()) <= 150, path.name


def test_roles_do_only_what_the_survey_misses() -> None:
    """Asking apt or systemd costs half a second a task, and an unchanged host has everything: see decision 37."""
    found = []
    for path in sorted((ROOT / "roles").glob("*/tasks/*.yml")):
        for task in load(path) or []:
            asks = task.get("ansible.builtin.apt") or task.get("ansible.builtin.systemd_service") or {}
            provides = asks.get("state", "present") in ("present", "started") and "name" in asks
            if provides and "base_found." not in str(task.get("when", "")):
                found.append(f"{path.relative_to(ROOT)}: {task['name']}")
    assert found == []
