# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Until when: moments as people type and read them. Pure: now is an argument."""

from __future__ import annotations

import datetime
import re

from ..hints import option

#: A longer one is a slip of the pen, or a site that is closed.
LONGEST_DAYS = 30
_SPAN = r"([1-9][0-9]{0,4})([mh])"
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})"
MOMENT_FIX = "a moment with its zone, such as 2026-11-26T09:55:00+09:00 or 2026-11-26T00:55:00Z"
UNTIL_FIX = (
    f"{option('ends', '30m')}, 2h, or a moment with its zone such as 2026-11-26T21:30+01:00 or 2026-11-26T20:30:00Z"
)


def until_of(text: str, now: float) -> int:
    """The moment that a text means, in seconds since the epoch. Raises ValueError with what is wrong."""
    if found := re.fullmatch(_SPAN, text):
        until = int(now) + int(found[1]) * (60 if found[2] == "m" else 3600)
    else:
        until = int(moment_of(text))
    if until <= now:
        raise ValueError(f"{text!r} is over: now is {shown(now)}")
    if until > now + LONGEST_DAYS * 86400:
        raise ValueError(f"{text!r} is more than {LONGEST_DAYS} days away")
    return until


def moment_of(text: str) -> float:
    """The moment with a zone that a text means, in seconds since the epoch. Raises ValueError with what is wrong."""
    if not re.fullmatch(_MOMENT, text):
        raise ValueError(f"{text!r} is no time" if text else "is not given")
    day, zone = text[:10], re.search(r"(Z|[+-][0-9]{2}:?[0-9]{2})$", text)
    offset = zone[0] if zone else "Z"
    clock, _dot, fraction = text[11 : len(text) - len(offset)].partition(".")
    offset = "+00:00" if offset == "Z" else f"{offset[:3]}:{offset[-2:]}"
    whole = datetime.datetime.fromisoformat(f"{day}T{clock}{offset}").timestamp()
    return whole + float(f"0.{fraction or 0}")


def shown(moment: float) -> str:
    """A moment for people, of whom each may be in another zone."""
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
