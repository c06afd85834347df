# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of all attacks that were tried."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

#: After all that have a number.
LAST = 99


@dataclass(frozen=True)
class Row:
    """One attack. `number` is that of the finding it comes from, or a word for what was never broken."""

    number: str
    what: str
    holds: str
    held: bool
    seconds: float

    def __str__(self) -> str:
        result = "held" if self.held else "**failed**"
        cells = (self.number, self.what, self.holds, result, f"{self.seconds:.1f}")
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def order(row: Row) -> tuple[int, str]:
    first = row.number.partition(",")[0]
    return int("".join(filter(str.isdigit, first)) or LAST), first


def table(rows: Iterable[Row]) -> str:
    """The page, as Markdown."""
    rows = sorted(rows, key=order)
    lines = [
        "# Attacks",
        "",
        f"Written by `make attack` on {time.strftime('%Y-%m-%d', time.gmtime())}.",
        "",
        "Each is tried on a lab with two stacks. `alice` owns one of them and has no sudo but the collection's rule;",
        "`oscar` is in the operators' group; visitors have nothing. The tests are in `tests/e2e/attacks/`.",
        "",
        f"{len(rows)} attacks, {sum(row.held for row in rows)} held.",
        "",
        "| no. | attack | what must hold | result | seconds |",
        "| --- | --- | --- | --- | ---: |",
        *map(str, rows),
    ]
    return "\n".join(lines) + "\n"


def write(rows: Iterable[Row], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(table(rows), encoding="utf-8")
