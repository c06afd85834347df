# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the drills of a database."""

from __future__ import annotations

from typing import Any

from ..errors import Problem
from ..util.fields import Fields
from .databases import Database
from .drills import LARGEST_SAMPLE, SAMPLE, Check, Drills
from .model import Stack

LARGEST = 1e15
LONGEST_MINUTES = 7 * 24 * 60


def read_drills(data: Any, where: str, problems: list[Problem], *, backed_up: bool) -> Drills | None:
    """None without backups: then there is nothing to try."""
    if not backed_up:
        if data not in (None, False):
            problems.append(Problem("has no effect without `backup`", where, "add `backup: {}` to the database"))
        return None
    if data is False:
        return Drills(monthly=0)
    fields = Fields({} if data is None or data is True else data, where, problems)
    usual = Drills()
    found = Drills(
        monthly=fields.integer("monthly", usual.monthly, 0, 28),
        rpo_minutes=fields.integer("rpo_minutes", usual.rpo_minutes, 1, LONGEST_MINUTES),
        rto_minutes=fields.integer("rto_minutes", usual.rto_minutes, 1, LONGEST_MINUTES),
        checks=tuple(
            _check(item, f"{fields.where}.checks[{number}]", problems)
            for number, item in enumerate(fields.items("checks"))
        ),
    )
    names = [check.name for check in found.checks]
    for name in sorted({name for name in names if names.count(name) > 1}):
        fields.note("checks", f"several are called {name!r}", "give each a name of its own")
    fields.no_others()
    return found


def _check(data: Any, where: str, problems: list[Problem]) -> Check:
    fields = Fields(data, where, problems)
    name = fields.text("name", required=True, pattern=r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}", hint="a short name")
    volume = fields.text("volume")
    check = _of_files(fields, name, volume) if volume else _of_rows(fields, name)
    fields.no_others()
    return check


def check_volumes(stack: Stack, database: Database, place: str) -> list[Problem]:
    """What is wrong between the checks of a database's drill and the volumes of the stack."""
    problems = []
    for number, check in enumerate(database.drill.checks if database.drill else ()):
        where, volume = f"{place}.drill.checks[{number}].volume", stack.volumes.get(check.volume)
        if check.volume and volume is None:
            known = ", ".join(stack.volumes) or "none"
            what = f"{check.volume!r} is not a volume of this stack"
            problems.append(Problem(what, where, f"add it to `volumes`; known: {known}"))
        elif volume is not None and not volume.backup:
            what = f"volume {check.volume} has no backup whose files could be read"
            problems.append(Problem(what, where, f"add `backup: true` to `volumes.{check.volume}`"))
    return problems


def _of_files(fields: Fields, name: str, volume: str) -> Check:
    for key in ("at_least", "at_most"):
        if fields.value(key) is not None:
            fields.note(key, "has no effect with `volume`", "remove it; a check of its own asks for numbers")
    sample = fields.integer("sample", SAMPLE, 1, LARGEST_SAMPLE)
    return Check(name, fields.text("sql"), volume=volume, sample=sample)


def _of_rows(fields: Fields, name: str) -> Check:
    if fields.value("sample") is not None:
        fields.note("sample", "has no effect without `volume`", "name the volume whose files are to be read")
    low, high = (
        None if fields.value(key) is None else fields.number(key, 0, -LARGEST, LARGEST)
        for key in ("at_least", "at_most")
    )
    sql = fields.text("sql", required=True, hint="a query whose answer is one number")
    if low is None and high is None:
        fields.note("", "has no bound, so every answer holds", "set `at_least`, `at_most` or both")
    elif low is not None and high is not None and low > high:
        fields.note("at_most", f"{high:g} is less than `at_least`, {low:g}", "no number is within these")
    return Check(name, sql, low, high)
