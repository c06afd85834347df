# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines are asked for, from which sources, and how many of those that are gone are kept."""

from __future__ import annotations

import calendar
import re
from collections.abc import Collection, Sequence

from ..errors import Problem, RefusedError
from ..hints import hint
from ..releases.logs import Given, Source, Wish
from ..stack.model import ENVIRONMENTS, Stack

#: The newest so many, unless somebody says how many or since when.
USUAL_LINES = 100
MOST_LINES = 100_000
LONGEST_GREP = 1000
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_AGO = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(Z|[+-]\d\d:\d\d)?")

#: Of an app in an environment: bytes as they are on the disk, containers and builds, days.
KEPT_BYTES = 100_000_000
KEPT_NUMBER = 100
KEPT_DAYS = 30


def wish(stack: Stack, given: Given, now: float, most: int = MOST_LINES) -> Wish:
    """What was asked for. Raises RefusedError with everything that is wrong with it."""
    environment, app, release, since, grep, lines = given
    problems = []
    if environment and environment not in ENVIRONMENTS:
        problems.append(Problem("is no environment", f"environment {environment}", "say " + " or ".join(ENVIRONMENTS)))
    known = [*stack.apps, *stack.services]
    if app and not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", app):
        problems.append(Problem("is no name of an app", f"app {app}", f"one of {', '.join(known)}"))
    begin = 0
    if since:
        try:
            begin = moment(since, now)
        except ValueError as error:
            problems.append(
                Problem(str(error), f"since {since}", "for example 10m, 2h, 3d or 2026-11-26T18:00, which is UTC")
            )
    if "\n" in grep or len(grep.encode()) > LONGEST_GREP:
        fix = f"at most {LONGEST_GREP} bytes on one line; it is looked for as it is, no pattern"
        problems.append(Problem("cannot be in a line", "grep", fix))
    number = USUAL_LINES if not since else 0
    if lines:
        number = int(lines) if lines.isdecimal() and len(lines) <= 9 else 0
        if not 1 <= number <= most:
            problems.append(Problem("is no number of lines", f"lines {lines}", f"1 to {most}"))
    if problems:
        raise RefusedError(problems)
    return Wish(environment, app, release, begin, grep.encode(), number)


def moment(text: str, now: float) -> int:
    """A time, or how long ago, in nanoseconds since the epoch. Raises ValueError."""
    if found := _AGO.fullmatch(text):
        return max(0, int((now - int(found[1]) * _UNITS[found[2]]) * 1e9))
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError("is neither a time nor how long ago")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    if not (month in range(1, 13) and day in range(1, 32) and hour < 24 and minute < 60 and second < 60):
        raise ValueError("is no time of a calendar")
    seconds = calendar.timegm((year, month, day, hour, minute, second, 0, 0, 0))
    zone = found[8] or "Z"
    if zone != "Z":
        ahead = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
        seconds -= ahead if zone[0] == "+" else -ahead
    if seconds > now:
        raise ValueError("is in the future")
    return seconds * 1_000_000_000 + int((found[7] or "").ljust(9, "0"))


def select(sources: Collection[Source], asked: Wish) -> list[Source]:
    """The sources that may have lines which are asked for, those that began first before the others."""
    found = [
        source
        for source in sources
        if asked.environment in ("", source.environment)
        and asked.app in ("", source.app)
        and (not asked.release or source.belongs_to(asked.release))
        # The time of a file is that of its last line, give or take the time that writing takes.
        and (not source.changed or (source.changed + 1) * 1e9 >= asked.since)
    ]
    return sorted(found, key=lambda source: (source.began, source.id))


def check_known(stack: Stack, sources: Collection[Source], history: Collection[str], asked: Wish) -> None:
    """Raises RefusedError for an app or a release that there is not, and was not."""
    problems = []
    apps = sorted({*stack.apps, *stack.services, *(source.app for source in sources)})
    if asked.app and asked.app not in apps:
        problems.append(Problem("is not known, and has left no lines", f"app {asked.app}", f"one of {', '.join(apps)}"))
    releases = {*history, *(source.release for source in sources)}
    if asked.release and asked.release not in releases:
        problems.append(
            Problem("is not known, and has left no lines", f"release {asked.release}", hint("status", stack=stack.name))
        )
    if problems:
        raise RefusedError(problems)


def elsewhere(sources: Sequence[Source]) -> list[str]:
    """What is said of sources whose lines Docker sends elsewhere."""
    found = sorted({(source.environment, source.app, source.driver) for source in sources if not source.is_readable})
    return [f"{environment} {app}: its lines go to Docker's log driver {driver}" for environment, app, driver in found]


def surplus(kept: Sequence[Source], now: float) -> list[str]:
    """The ids of what is kept no longer: each app has its own room in each environment, and none takes another's."""
    gone: list[str] = []
    used: dict[tuple[str, ...], int] = {}
    number: dict[tuple[str, ...], int] = {}
    for source in sorted(kept, key=lambda source: source.changed, reverse=True):
        place = (source.environment, source.kind, source.app)
        used[place] = used.get(place, 0) + source.size
        number[place] = number.get(place, 0) + 1
        # The newest stays, however large it is: Docker has limited it.
        over = number[place] > 1 and (used[place] > KEPT_BYTES or number[place] > KEPT_NUMBER)
        if over or source.changed < now - KEPT_DAYS * 86400:
            gone.append(source.id)
    return gone
