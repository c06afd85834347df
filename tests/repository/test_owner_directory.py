# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every place where root has to do with a directory that a stack's owner can rename and replace.

Such a place needs a reason why nothing there is believed and nothing there is written with root's rights. A new one
fails here, until it has one.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"

#: File of the plugins, how often it reads a stack's `directory`, and why that is safe.
CODE = {
    "module_utils/release/adapters/disk.py": (1, "asks only how full the file system is"),
    "module_utils/release/adapters/earlier_layout.py": (
        3,
        "opened once, its owner checked, moved before it is believed",
    ),
    "module_utils/release/adapters/git.py": (4, "the view: git as the owner, for people; the rest are names"),
    "module_utils/release/adapters/scratch_trials.py": (1, "a scratch cluster's, read with the rights of postgres"),
    "module_utils/release/adapters/stack_directory.py": (1, "with the owner's rights"),
    "module_utils/release/adapters/stack_home.py": (5, "with the owner's rights"),
    "module_utils/release/operations/build.py": (1, "a message"),
    "module_utils/release/operations/layout.py": (1, "a message"),
    "module_utils/release/operations/one_off.py": (1, "where Compose looks for relative paths of the inventory"),
    "module_utils/release/operations/rehearsed_release.py": (
        1,
        "where Compose looks for relative paths of the inventory",
    ),
    "module_utils/release/operations/rollout.py": (2, "where Compose looks for relative paths of the inventory"),
    "module_utils/release/operations/scaling.py": (1, "where Compose looks for relative paths of the inventory"),
    "module_utils/release/releases/compose.py": (3, "text of Compose files"),
    "module_utils/release/releases/slot.py": (1, "a definition in memory"),
    "module_utils/release/stack/checks.py": (1, "a definition in memory"),
    "modules/stack_home.py": (3, "created where only root may create, and a message"),
}
#: The same for roles and playbooks: how often they name a stack's directory.
YAML = {
    "roles/stack/tasks/checkout.yml": (2, "the module works as the owner, or where only root may create"),
    "roles/stack/tasks/files.yml": (10, "`write_as` the owner"),
}


def uses(path: Path) -> int:
    """How often code reads an attribute `directory` of something that is not the object itself."""
    found = 0
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr == "directory":
            # Of an adapter itself, the port of that name, or a function.
            others = ("self", "host", "journal", "key_grace_period")
            found += not (isinstance(node.value, ast.Name) and node.value.id in others)
    return found


def test_every_use_in_code_is_known() -> None:
    found = {
        str(path.relative_to(PLUGINS)): count
        for path in sorted(PLUGINS.rglob("*.py"))
        if (count := uses(path)) and path.parent.name != "action"
    }
    assert found == {name: count for name, (count, _reason) in CODE.items()}


def test_every_use_in_yaml_is_known() -> None:
    found = {
        str(path.relative_to(ROOT)): count
        for folder in ("roles", "playbooks")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".yml", ".j2")
        and (count := len(re.findall(r"(?:stack|item|definition)(?:\.0)?\.directory", path.read_text("utf-8"))))
    }
    assert found == {name: count for name, (count, _reason) in YAML.items()}


def test_what_is_written_there_is_written_as_the_owner() -> None:
    """Each entry of `files` below the owner's directory."""
    text = (ROOT / "roles" / "stack" / "tasks" / "files.yml").read_text("utf-8")
    entries = re.split(r"\n      - path: ", text)[1:]
    theirs = [entry for entry in entries if "stack_definition.directory" in entry.split("\n", 1)[0]]
    assert len(theirs) >= 8 and all("write_as:" in entry for entry in theirs)
