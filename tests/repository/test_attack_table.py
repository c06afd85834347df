# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the table of attacks says, without a lab."""

from __future__ import annotations

import ast
from pathlib import Path

from support.attack_table import Row, table

ROOT = Path(__file__).resolve().parents[2]


def test_what_failed_is_seen_and_counted() -> None:
    rows = [
        Row("held", "a|b", "refused", True, 0.04),
        Row("11", "a closed route", "the app never sees it", False, 1.25),
        Row("1a", "a forged release", "refused", True, 2),
        Row("1d, 1e", "links", "no file changes", True, 3),
    ]
    text = table(rows)
    assert "4 attacks, 3 held." in text
    assert [line.split(" | ")[0] for line in text.splitlines()[-4:]] == ["| 1a", "| 1d, 1e", "| 11", "| held"]
    assert "| 11 | a closed route | the app never sees it | **failed** | 1.2 |" in text
    assert "a\\|b" in text


def test_every_test_of_an_attack_is_a_row() -> None:
    for path in sorted((ROOT / "tests" / "e2e" / "attacks").glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                marks = [it for it in node.decorator_list if ast.unparse(it).startswith("pytest.mark.attack(")]
                assert len(marks) == 1, f"{path.name}: {node.name} has no `attack` mark"
                mark = marks[0]
                assert isinstance(mark, ast.Call) and len(mark.args) == 3, f"{path.name}: {node.name}"
