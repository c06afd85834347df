# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills as text, as data and as CI systems read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..env.matrix_report import quoted
from ..planning.until import shown
from ..releases.drills import Drill
from ..util.printable import cleaned
from .databases import size
from .restores import span


def sentence(one: Drill) -> str:
    """One drill in one line."""
    place = f"{one.environment} {one.database}"
    if one.cause:
        return f"{place}: the backup could not be restored: {one.cause}"
    wrong = [*one.problems, *one.missed]
    lost = f"{'nobody knows what' if one.lost_seconds is None else span(one.lost_seconds)} would be lost"
    said = f"{place}: restored {size(one.size)} in {span(one.recovery_seconds)}, {lost}"
    return f"{said}; {'; '.join(wrong)}" if wrong else said


def lines(found: Sequence[Drill]) -> list[str]:
    """Each drill with its checks."""
    told = []
    for one in cleaned(list(found)):
        told += [sentence(one), f"   backup {one.backup or '(none)'}, {shown(one.at)}"]
        told += [f"   {'FAILS' if it.problem else 'holds'}  {it.name}: {it.problem or it.answer}" for it in one.checks]
        told += [f"   MISSED  {text}" for text in one.missed]
    return told


def document(stack: str, found: Sequence[Drill]) -> dict[str, Any]:
    """The same for programs."""
    good = all(one.is_good and not one.missed for one in found)
    return {"stack": stack, "holds": good, "drills": [_data(one) for one in cleaned(list(found))]}


def _data(one: Drill) -> dict[str, Any]:
    return {**one.to_json(), "holds": one.is_good and not one.missed, "problems": one.problems, "missed": one.missed}


def junit(stack: str, found: Sequence[Drill]) -> str:
    """A test suite for each database, with a case for the restore, its targets and each check."""
    rows: list[str] = []
    for one in cleaned(list(found)):
        name = f"{stack} {one.environment} {one.database}"
        cases = [("restore", one.recovery_seconds, one.cause), ("targets", 0.0, "; ".join(one.missed))]
        cases += [(it.name, 0.0, it.problem) for it in one.checks]
        failed = sum(bool(problem) for _name, _seconds, problem in cases)
        rows.append(f'  <testsuite name={quoted(f"{name} drill")} tests="{len(cases)}" failures="{failed}">')
        for case, seconds, problem in cases:
            row = f'    <testcase classname={quoted(name.replace(" ", "."))} name={quoted(case)} time="{seconds:.1f}"'
            told = f'><failure type="drill" message={quoted(problem)}/></testcase>' if problem else "/>"
            rows.append(row + told)
        rows.append("  </testsuite>")
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", *rows, "</testsuites>", ""])
