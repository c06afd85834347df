# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found of a stack's endpoints: as a table, as data, and as CI systems read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..env.matrix_report import quoted
from ..releases.endpoints import EnvironmentVerdicts, Verdict
from ..util.printable import cleaned
from .report import table


def lines(found: Sequence[EnvironmentVerdicts]) -> list[str]:
    """A table for each environment, and below it every miss: what was expected, what came, where it is written."""
    return [line for one in cleaned(list(found)) for line in _environment(one)]


def _environment(found: EnvironmentVerdicts) -> list[str]:
    failed = [verdict for verdict in found.verdicts if not verdict.holds]
    number = len(found.verdicts)
    said = f"{len(failed)} of {number} endpoint checks do not hold" if failed else f"{number} endpoint checks hold"
    release = f" ({found.release})" if found.release else ""
    shown = [f"{found.stack} {found.environment}{release}: " + (said if number else "nothing was asked")]
    shown += [f"   {note}" for note in found.notes]
    if number:
        shown += table(["endpoint", "request", "result", "ms"], [_row(verdict) for verdict in found.verdicts])
    for verdict in failed:
        shown += [f"{verdict.title}: {verdict.request}"]
        for miss in verdict.misses:
            shown += [f"   expected {miss.expected}", f"   came     {miss.came}", f"   written  {miss.where}"]
    return shown


def _row(verdict: Verdict) -> list[str]:
    return [verdict.title, verdict.request, "holds" if verdict.holds else "FAILS", f"{verdict.seconds * 1000:.0f}"]


def document(found: Sequence[EnvironmentVerdicts]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "holds": all(one.holds for one in found),
        "environments": [
            {
                "stack": one.stack,
                "environment": one.environment,
                "release": one.release,
                "holds": one.holds,
                "notes": one.notes,
                "checks": [
                    {
                        "endpoint": verdict.endpoint,
                        "step": verdict.step,
                        "request": verdict.request,
                        "holds": verdict.holds,
                        "seconds": round(verdict.seconds, 4),
                        "misses": [
                            {"where": miss.where, "expected": miss.expected, "came": miss.came}
                            for miss in verdict.misses
                        ],
                    }
                    for verdict in one.verdicts
                ],
            }
            for one in cleaned(list(found))
        ],
    }


def junit(found: Sequence[EnvironmentVerdicts]) -> str:
    """A test suite for each environment, with a case for each request."""
    rows: list[str] = []
    for one in cleaned(list(found)):
        failed = sum(not verdict.holds for verdict in one.verdicts)
        name = quoted(f"{one.stack} {one.environment} endpoints")
        rows.append(f'  <testsuite name={name} tests="{len(one.verdicts)}" failures="{failed}">')
        for verdict in one.verdicts:
            case = (
                f"    <testcase classname={quoted(f'{one.stack}.{one.environment}')} name={quoted(verdict.title)} "
                f'time="{verdict.seconds:.4f}"'
            )
            if verdict.holds:
                rows.append(f"{case}/>")
                continue
            told = quoted("; ".join(f"{miss.where}: {miss}" for miss in verdict.misses))
            rows += [f"{case}>", f'      <failure type="endpoint" message={told}/>', "    </testcase>"]
        rows.append("  </testsuite>")
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", *rows, "</testsuites>", ""])
