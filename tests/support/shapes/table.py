# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of all shapes that were tried."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping

from support.shapes.rules import GENERAL, RULES, Verdict

#: The edge answers in place of the app.
REFUSED = re.compile(r"client: (first line: .* ->|also) HTTP/1\.1 [45]")


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _of_shape(verdict: Verdict) -> str:
    special = {name: found for name, found in verdict.explained.items() if not RULES[name].general}
    if verdict.unexplained:
        return _row(verdict.shape.name, "**differs**", "; ".join(f"`{it}`" for it in verdict.unexplained))
    refused = any(REFUSED.match(difference) for found in special.values() for difference in found)
    result = "refused" if refused else "changed" if special else "same"
    return _row(verdict.shape.name, result, ", ".join(special))


def page(verdicts: Mapping[str, Iterable[Verdict]], programs: Iterable[str]) -> str:
    """As Markdown."""
    groups = {name: list(group) for name, group in verdicts.items()}
    every = [verdict for group in groups.values() for verdict in group]
    lines = [
        "# Shapes of requests",
        "",
        f"Written by `make shapes` on {time.strftime('%Y-%m-%d', time.gmtime())}, with {' and '.join(programs)}.",
        "",
        "Each is sent to an app's slot directly and through the edge. What the app saw and what the client got are",
        "compared byte by byte. Whatever differs must have a rule below, or the run fails. The shapes are in",
        "`tests/support/shapes/`.",
        "",
        "`same` but for the rules for every shape, `changed` as a rule says, or `refused`, by the edge itself.",
        "",
        f"{len(every)} shapes, {sum(not verdict.fine for verdict in every)} with a difference that no rule explains.",
        "",
        "## Rules for every shape",
        "",
        _row("rule", "what differs", "why"),
        "| --- | --- | --- |",
        *(_row(rule.name, rule.what, rule.why) for rule in GENERAL),
        "",
        "## Rules for some",
        "",
        _row("rule", "what differs", "why"),
        "| --- | --- | --- |",
        *(_row(rule.name, rule.what, rule.why) for rule in RULES.values() if not rule.general),
    ]
    for name, group in groups.items():
        lines += ["", f"## {name}", "", _row("shape", "result", "rules beside those for every shape")]
        lines += ["| --- | --- | --- |", *map(_of_shape, group)]
    return "\n".join(lines) + "\n"
