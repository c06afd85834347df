# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules of jobs: systemd's calendar expressions with their time zone, checked without systemd.

What is refused here, systemd would refuse too, or it would never fire, or only until some year. systemd itself is asked
on the host before a release with a schedule is made: it alone knows which time zones there are.
"""

from __future__ import annotations

import re

#: systemd's words for whole expressions.
WORDS = (
    *("minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "yearly", "annually"),
    *("biannually", "bi-annually", "semi-annually"),
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = r"[A-Za-z]{3,9}"
_WEEKDAYS = re.compile(rf"{_DAY}(\.\.{_DAY})?(,{_DAY}(\.\.{_DAY})?)*,?")
_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_COMPONENT = re.compile(r"(\*|(\d{1,2})(?:\.\.(\d{1,2}))?)(?:/(\d{1,2}))?")
#: The longest that a month can be, from January.
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_EXAMPLE = "for example `Mon..Fri 06:00 Asia/Seoul`, `*:0/15 UTC` or `daily Europe/Berlin`"
ZONE_FIX = "add the time zone that it is meant in, for example `UTC` or `Asia/Seoul`: a host may have any"


class _WrongError(ValueError):
    """What is wrong, as a sentence without its subject."""


def problem_with(schedule: str) -> tuple[str, str]:
    """What is wrong with a schedule, and its fix; two empty texts if nothing is."""
    *words, zone = schedule.split() or [""]
    if not _ZONE.fullmatch(zone) or not words or _is_weekday(zone):
        return "names no time zone", f"{ZONE_FIX}; {_EXAMPLE}"
    try:
        _check([] if len(words) == 1 and words[0].lower() in WORDS else words)
    except _WrongError as error:
        return str(error), _EXAMPLE
    return "", ""


def _check(words: list[str]) -> None:
    rest = list(words)
    if rest and _WEEKDAYS.fullmatch(rest[0]):
        _check_weekdays(rest.pop(0))
    if rest and ":" not in rest[0] and re.search(r"[-~]", rest[0]):
        _check_date(rest.pop(0))
    if rest and ":" in rest[0]:
        _check_time(rest.pop(0))
    if rest:
        raise _WrongError(f"cannot be read at {rest[0]!r}")


def _is_weekday(word: str) -> bool:
    lower = word.lower()
    return lower in _DAYS or lower in (day[:3] for day in _DAYS)


def _check_weekdays(word: str) -> None:
    for day in re.findall(_DAY, word):
        if not _is_weekday(day):
            raise _WrongError(f"names {day!r}, which is no day of the week")


def _check_date(word: str) -> None:
    parts = re.fullmatch(r"(?:([^-~]+)-)?([^-~]+)([-~])([^-~]+)", word)
    if parts is None:
        raise _WrongError(f"has the date {word!r}, which cannot be read")
    year, month, sign, day = parts.groups()
    if year not in (None, "*"):
        raise _WrongError(f"names the year {year!r}, after which it never fires")
    # Counted from a month's end, systemd knows as many days as every month has.
    months, days = _values(month, 1, 12, "month"), _values(day, 1, 31 if sign == "-" else 28, "day")
    if not any(number <= _LONGEST[one - 1] for one in months for number in days):
        raise _WrongError(f"never fires: no year has a {word.removeprefix('*-')} (month-day)")


def _check_time(word: str) -> None:
    parts = word.split(":")
    if len(parts) not in (2, 3):
        raise _WrongError(f"has the time {word!r}, which cannot be read")
    for text, highest, name in zip(parts, (23, 59, 59), ("hour", "minute", "second"), strict=False):
        _values(text, 0, highest, name)


def _values(text: str, lowest: int, highest: int, name: str) -> set[int]:
    """The numbers that a part of a date or a time stands for."""
    found: set[int] = set()
    for part in text.split(","):
        match = _COMPONENT.fullmatch(part)
        if match is None:
            raise _WrongError(f"has the {name} {part!r}, which cannot be read")
        whole, first, last, step = match.groups()
        begin = lowest if whole == "*" else int(first)
        end = highest if whole == "*" or (step and not last) else int(last or first)
        if not lowest <= begin <= highest or end > highest:
            raise _WrongError(f"has the {name} {part!r}, which is not from {lowest} to {highest}")
        if end < begin:
            raise _WrongError(f"has the {name} {part!r}, which ends before it begins")
        if step and (not int(step) or begin + int(step) > end or (whole == "*" and lowest)):
            raise _WrongError(f"has the {name} {part!r}, which repeats nothing")
        found.update(range(begin, end + 1, int(step or 1)))
    return found
