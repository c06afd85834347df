# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What drills say of the backups of an environment, for whoever is about to rely on them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ..hints import hint
from ..releases.drills import Drill
from ..stack.drills import Drills

FIX = hint("drill", where="production")
Word = Literal["go", "warning", "NO-GO"]


class Opinion(NamedTuple):
    """Of one database."""

    word: Word
    evidence: str
    fix: str = ""


def opinion(
    name: str, wanted: Drills | None, known: Sequence[Drill], now: float, first_backup: float | None
) -> Opinion | None:
    """None where nobody asks for drills, or nothing is backed up yet.

    A backup that could not be restored is none: NO-GO. One that nobody has tried for long is as good as unknown: NO-GO
    too, but for the first weeks. A target that was missed says that a bad day would cost more than agreed, and a
    release changes nothing about that: a warning.
    """
    if wanted is None or first_backup is None:
        return None
    if known:
        return _of(name, wanted, known[-1], now)
    if not wanted.monthly:
        return None
    what, age = f"{name}: its backups have never been restored", now - first_backup
    if age <= wanted.oldest_seconds:
        return Opinion("warning", what, FIX)
    return Opinion("NO-GO", f"{what}, and the oldest is {_days(age)} old", FIX)


def _of(name: str, wanted: Drills, last: Drill, now: float) -> Opinion:
    age = now - last.at
    if not last.is_good:
        return Opinion("NO-GO", f"{name}: the drill {_ago(age)} failed: {'; '.join(last.problems)}", FIX)
    if wanted.monthly and age > wanted.oldest_seconds:
        what = f"{name}: the last drill was {_ago(age)}, at most {_days(wanted.oldest_seconds)} are allowed"
        return Opinion("NO-GO", what, FIX)
    if last.missed:
        return Opinion("warning", f"{name}: the drill {_ago(now - last.at)}: {'; '.join(last.missed)}")
    lost = f"{last.lost_seconds or 0:.0f} s would be lost"
    return Opinion("go", f"{name}: restored {_ago(now - last.at)} in {last.recovery_seconds:.0f} s, {lost}")


def _ago(seconds: float) -> str:
    return "today" if seconds < 86_400 else f"{_days(seconds)} ago"


def _days(seconds: float) -> str:
    days = round(seconds / 86_400)
    return f"{days} day{'s' if days != 1 else ''}"
