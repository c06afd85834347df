# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""To where a database goes back, and what that costs: decided before anything is touched. Pure."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import Problem
from ..hints import hint, option
from ..releases.backups import BackupSet, RestorePoint, Target, TargetType
from ..releases.restores import Restored
from .backups.points import named
from .until import MOMENT_FIX, moment_of, shown

LATEST: TargetType = "latest"
#: Beside what is restored there has to be room for the logs that it grows by.
ROOM = 1.2
#: How many restore points a refusal names.
NAMED = 5


@dataclass(frozen=True)
class Wish:
    """What was typed, unchecked."""

    environment: str = ""
    database: str = ""
    at: str = ""
    point: str = ""
    release: str = ""
    confirm: str = ""
    into: str = ""
    drop: str = ""
    #: The release that a rollback goes to afterwards.
    then: str = ""


@dataclass(frozen=True)
class Known:
    """What there is of one cluster. Times are seconds since 1970."""

    now: float
    sets: Sequence[BackupSet] = ()
    points: Sequence[RestorePoint] = ()
    history: Sequence[Restored] = ()
    #: The last commit that is in the archive for certain; None where the cluster cannot be asked.
    until: float | None = None
    #: The apps whose migrations have restore points before them.
    apps: Sequence[str] = ()


@dataclass(frozen=True)
class Goal:
    """A moment, and how pgBackRest gets there."""

    target: Target
    moment: float
    shown: str
    size: int = 0


def goal(wish: Wish, known: Known, problems: list[Problem]) -> Goal | None:
    """To where, of what was typed. None if that is nowhere; then there are problems."""
    given = [name for name in ("at", "point", "release") if getattr(wish, name)]
    if len(given) != 1:
        what = "are given together" if given else "are not given"
        fix = f"one of {option('at', '2026-11-26T09:55:00+09:00')}, at=latest, point=<name>, release=<id>"
        problems.append(Problem(what, " and ".join(given) or "at, point and release", fix))
        return None
    if wish.at == LATEST:
        return _latest(known, problems)
    if wish.at:
        return _at(wish.at, known, problems)
    # That of before a migration is called like the release that migrates, and its app.
    names = [wish.point] if wish.point else [named(f"{wish.release}-{app}") for app in known.apps]
    found = min((one for one in known.points if one.name in names), key=lambda one: one.at, default=None)
    if found is None:
        _no_point(wish, known, problems)
        return None
    began = _begin(known, found.at, f"restore point {found.name}", problems)
    if began is None:
        return None
    target = Target("name", found.name, began.repository, began.label, timeline_at(known.history, found.at))
    return Goal(target, found.at, f"restore point {found.name} of {shown(found.at)}", began.size)


def _latest(known: Known, problems: list[Problem]) -> Goal | None:
    began = _begin(known, known.now, "what is archived", problems)
    if began is None:
        return None
    # At the least it is what the backup itself brings.
    moment = max(known.until or 0.0, began.ended + 1.0)
    target = Target(LATEST, "", began.repository, began.label, timeline_at(known.history, known.now))
    return Goal(target, moment, "the end of what is archived", began.size)


def _at(text: str, known: Known, problems: list[Problem]) -> Goal | None:
    try:
        moment = moment_of(text)
    except ValueError as error:
        problems.append(Problem(str(error), "at", MOMENT_FIX))
        return None
    if moment > known.now:
        problems.append(Problem(f"{shown(moment)} is in the future: now is {shown(known.now)}", "at", MOMENT_FIX))
        return None
    if known.until is None:
        what = f"{shown(moment)}: the database does not answer, so nobody knows up to when its commits are archived"
        problems.append(Problem(what, "at", f"{option('at', LATEST)}, for all that is archived, or a restore point"))
        return None
    if moment > known.until:
        # PostgreSQL would look for a later commit, find none, and stop for good.
        what = f"{shown(moment)} is later than the last commit that is archived, {shown(known.until)}"
        problems.append(Problem(what, "at", f"an earlier moment, or {option('at', LATEST)}"))
        return None
    began = _begin(known, moment, shown(moment), problems)
    if began is None:
        return None
    value = datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f+00")
    target = Target("time", value, began.repository, began.label, timeline_at(known.history, moment))
    return Goal(target, moment, shown(moment), began.size)


def _begin(known: Known, moment: float, what: str, problems: list[Problem]) -> BackupSet | None:
    """The backup to begin with: the newest one of before that is on the way to that moment."""
    ways = list(lineage(known.history, moment))
    usable = [
        one
        for one in known.sets
        if not one.damaged and any(begin <= one.begun and one.ended < end for begin, end in ways)
    ]
    if usable:
        return max(usable, key=lambda one: (one.ended, -one.repository))
    oldest = min((one.ended for one in known.sets), default=0)
    there = f"the oldest one ended at {shown(oldest)}" if oldest else "there is no backup"
    problems.append(Problem(f"no backup leads to {what}: {there}", "backups", hint("status")))
    return None


def lineage(history: Sequence[Restored], moment: float) -> Iterator[tuple[float, float]]:
    """The times, newest first, in which the database went through what it was at that moment. What it did between a
    restore and the moment that this went back to belongs to another timeline: no backup of it leads here."""
    end = moment
    while before := [one for one in history if one.at <= end and one.target < end]:
        last = max(before, key=lambda one: one.at)
        yield last.at, end
        end = last.target
    yield 0.0, end


def timeline_at(history: Sequence[Restored], moment: float) -> str:
    """The timeline that the cluster was on at that moment; empty if there has never been another one."""
    before = [one for one in history if one.at <= moment]
    if before:
        return max(before, key=lambda one: one.at).timeline
    return min(history, key=lambda one: one.at).was if history else ""


def _no_point(wish: Wish, known: Known, problems: list[Problem]) -> None:
    names = [one.name for one in sorted(known.points, key=lambda one: -one.at)][:NAMED]
    there = f"the newest ones: {', '.join(names)}" if names else "there are none yet"
    if wish.release:
        what = f"{wish.release} has no restore point: it migrated nothing here, or before there were backups"
        problems.append(Problem(what, "release", f"a moment with {option('at', '<moment>')}; restore points: {there}"))
    else:
        problems.append(Problem(f"{wish.point!r} is not a restore point of it", "point", there))


def estimate(drills: Sequence[tuple[float, int]], size: int) -> float | None:
    """How long a restore of so many bytes takes, by the last drill: its seconds and bytes, oldest first."""
    if not drills:
        return None
    seconds, then = drills[-1]
    return seconds * max(1.0, size / then) if then else seconds


def room_problem(size: int, free: int, where: str) -> list[Problem]:
    """Whether what is restored fits beside what is there."""
    needed = int(size * ROOM)
    if free >= needed:
        return []
    what = f"{needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free: the cluster of before is kept"
    return [Problem(what, where, hint("cleanup"))]


def mount_problem(data: str) -> Problem:
    """The cluster of before is kept by moving its directory, and so is what is put in its place."""
    what = "is where a disk or a directory is mounted, so it cannot be kept aside"
    look = option("into", "scratch")
    fix = f"mount it at {data.rpartition('/')[0]}, with the data in a directory of it; {look} shows the copy meanwhile"
    return Problem(what, data, fix)


def first_log(sets: Sequence[BackupSet], target: Target) -> str:
    """The first file of the log that a target's backup needs; empty if that is not known."""
    return next((one.first_log for one in sets if one.label == target.label), "")
