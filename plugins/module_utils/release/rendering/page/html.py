# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing HTML: every text is cleaned and escaped unless it was made here."""

from __future__ import annotations

import html
import time

from ...util.printable import clean

#: Void elements, which have no end tag.
VOID = frozenset({"meta", "link", "br", "hr"})


class Markup(str):
    """Finished HTML. Any other text is escaped when it is inserted."""

    __slots__ = ()


def tag(element: str, /, *content: str, **attributes: str | int | float) -> Markup:
    """One element. In attribute names a trailing underscore (`class_`) is dropped, others become hyphens."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(clean(value))}"' for key, value in attributes.items()
    )
    if element in VOID:
        return Markup(f"<{element}{given}>")
    return Markup(f"<{element}{given}>{join(*content)}</{element}>")


def join(*content: str) -> Markup:
    """Concatenated pieces."""
    return Markup("".join(item if isinstance(item, Markup) else html.escape(clean(item)) for item in content))


def moment(at: float, now: float) -> Markup:
    """How long ago, and exactly when, for people and programs."""
    exact = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    return tag("time", tag("span", ago(now - at), class_="ago"), " ", clock(at, now), datetime=exact)


def clock(at: float, now: float) -> Markup:
    """Date and time in UTC; with the year only if it is not the current one."""
    there, here = time.gmtime(at), time.gmtime(now)
    year = f" {there.tm_year}" if there.tm_year != here.tm_year else ""
    text = f"{there.tm_mday} {_MONTHS[there.tm_mon - 1]}{year}, {there.tm_hour:02}:{there.tm_min:02} UTC"
    return tag("span", text, class_="when")


#: Not strftime's names, which depend on the host's locale.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def ago(seconds: float) -> str:
    """An age in its largest whole unit."""
    if seconds < 60:
        return "just now" if seconds < 10 else f"{int(seconds)} s ago"
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count != 1 else ''} ago"
    raise AssertionError(seconds)


def length(seconds: float) -> str:
    """A duration."""
    if seconds < 0.1:
        return "less than 0.1 s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def gigabytes(size: float) -> str:
    """A size in the unit that people know from disks."""
    count = size / 1e9
    return f"{count:.0f} GB" if count >= 100 else f"{count:.1f} GB"
