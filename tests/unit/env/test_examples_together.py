# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All examples fit one host, as `make demo STACK=all` has them, though each has an inventory of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from support.rendering import templar, trusted

from release.stack.reader import read_stacks

ROOT = Path(__file__).resolve().parents[3]


def definition(group: Path) -> dict[str, Any]:
    """The stack of a group, as its variables and the lab's define it."""
    name = group.stem
    variables = dict(yaml.safe_load(group.read_text()))
    inventory = ROOT / "inventories" / ("lab" if name == "workhub" else f"lab-{name}")
    for path in sorted(inventory.glob("*.yml")):
        children = yaml.safe_load(path.read_text())["all"].get("children", {})
        for place in children.values():
            variables |= place.get("vars", {}) | place["hosts"]["onehost-lab"]
    known = trusted(variables)
    return dict(templar(**known).template(known[f"onehost_stack_{name}"]))


def test_no_port_name_or_directory_is_used_by_two(collection: None) -> None:
    groups = [
        path for path in sorted((ROOT / "group_vars").glob("*.yml")) if f"onehost_stack_{path.stem}" in path.read_text()
    ]
    assert len(groups) > 3
    assert sorted(it.name for it in read_stacks({path.stem: definition(path) for path in groups})) == [
        it.stem for it in groups
    ]
