# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a rehearsal has shown may go to production, and what can be rehearsed at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import Problem
from ..releases.rehearsal import AppRehearsal, Rehearsal
from ..releases.schema import shown
from ..stack.migrate import Migrate
from ..stack.model import Stack
from . import declarations, rehearsals
from .declarations import FILE, Declared

MOST_TOLD = 8


@dataclass(frozen=True)
class Judgement:
    """What is wrong, one sentence each; empty if nothing is. `evidence` has all that is to be said."""

    wrong: tuple[str, ...]
    evidence: tuple[str, ...]
    fix: str = ""


def split(day: Stack, apps: Sequence[str]) -> tuple[list[str], list[str]]:
    """The apps whose migrations can be rehearsed, and why those of the others are not, one sentence each."""
    can, cannot = [], []
    for app in apps:
        it = day.apps[app]
        database = day.databases.get(it.database)
        if it.migrate and it.migrate.no_rehearsal:
            cannot.append(f"{app}: is not rehearsed: {it.migrate.no_rehearsal}")
        elif database is None:
            cannot.append(f"{app}: cannot be rehearsed: the stack does not know its database")
        elif not database.is_here:
            where = "is a file in a volume" if database.engine == "sqlite" else "is not on this host"
            cannot.append(f"{app}: cannot be rehearsed: its database {where}")
        else:
            can.append(app)
    return can, cannot


def judge(
    found: Rehearsal, migrations: Mapping[str, Migrate], declared: Sequence[Declared], wrong: Sequence[Problem]
) -> Judgement:
    """`wrong` is what is wrong with the releases that declarations name."""
    if found.failure:
        return Judgement((found.failure,), (f"the rehearsal failed: {found.failure}",), found.fix)
    undeclared = [it for it in found.apps if it.verdict == "contract" and declarations.undeclared(it, declared)]
    sick = [f"{found.old} is not well on the migrated copy: {text}" for text in found.sick]
    # What breaks older code on purpose is told by a declaration, which names a release that is not broken by it.
    long = rehearsals.too_long(found, migrations)
    sql = [f"{it.app}: {text}" for it in found.apps for text in declarations.not_allowed(it, declared)]
    problems = [f"{problem.where}: {problem.what}" for problem in wrong]
    losses = [f"{it.app}: {_losses(it)}" for it in undeclared]
    all_wrong = (*losses, *sick, *long, *sql, *problems)
    fixes = [_declare(it) for it in undeclared] + [problem.fix for problem in wrong]
    if sick:
        fixes.append("migrate in two steps: add first, and remove once nothing uses it any more")
    if long:
        fixes.append("do it in smaller steps (CONCURRENTLY, NOT VALID and VALIDATE, in batches), or raise lock_seconds")
    if sql:
        fixes.append(f"mend the SQL, or write `allow: <revision>, <rule>, <reason>` to {FILE} beside the migrations")
    return Judgement(all_wrong, (*all_wrong, *summary(found)), "; ".join(fixes))


def summary(found: Rehearsal) -> list[str]:
    """What was seen, one sentence for each app and one for the release before."""
    lines = [_line(it) for it in found.apps]
    if found.source:
        lines.append(f"on {found.source}")
    if found.old and not found.sick:
        lines.append(f"{found.old} is well on it" if found.old_images else f"{found.old} has no app with that database")
    return lines


def _line(it: AppRehearsal) -> str:
    longest = it.longest
    lock = f", longest lock {longest.seconds:g} s ({longest.mode} on {longest.table})" if longest else ""
    rows = f", {sum(it.rows.values())} rows touched" if it.rows else ""
    said = {"expand": "only adds", "contract": "breaks older code", "unknown": "not compared"}[it.verdict]
    if it.revision == it.reached:
        return f"{it.app}: nothing to migrate, {shown(it.revision)} is applied"
    way = f"{shown(it.revision)} to {shown(it.reached)}"
    return f"{it.app}: {way} rehearsed in {it.seconds:g} s, {said}{lock}{rows}"


def _losses(it: AppRehearsal) -> str:
    more = f"; and {len(it.losses) - MOST_TOLD} more" if len(it.losses) > MOST_TOLD else ""
    return f"{shown(it.revision)} to {shown(it.reached)} breaks older code: {'; '.join(it.losses[:MOST_TOLD])}{more}"


def _declare(it: AppRehearsal) -> str:
    revision = it.migrations[-1] if it.migrations else it.reached
    line = f"contract: {revision}, <reason>, <release that stopped using it>"
    return f"if nothing that may run uses it any more, write `{line}` to {FILE} beside the migrations of {it.app}"
