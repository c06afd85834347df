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
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:?[0-9]{2})"
UNTIL_FIX = (
    f"{option('ends', '30m')}, 2h, or a moment with its zone such as 2026-11-26T21:30+01:00 or 2026-11-26T20:30:00Z"
)


def until_of(text: str, now: float) -> int:
    """The moment that a text means, in seconds since the epoch. Raises ValueError with what is wrong."""
    if found := re.fullmatch(_SPAN, text):
        until = int(now) + int(found[1]) * (60 if found[2] == "m" else 3600)
    elif re.fullmatch(_MOMENT, text):
        plain = text.replace("Z", "+00:00")
        if plain[-3] != ":":
            plain = f"{plain[:-2]}:{plain[-2:]}"
        until = int(datetime.datetime.fromisoformat(plain).timestamp())
    else:
        raise ValueError(f"{text!r} is no time" if text else "is not given")
    if until <= now:
        raise ValueError(f"{text!r} is over: now is {shown(now)}")
    if until > now + LONGEST_DAYS * 86400:
        raise ValueError(f"{text!r} is more than {LONGEST_DAYS} days away")
    return until


def shown(moment: float) -> str:
    """A moment for people, of whom each may be in another zone."""
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
