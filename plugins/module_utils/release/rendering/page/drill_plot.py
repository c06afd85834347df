# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What drills have measured, as plots: how long a restore takes, and how much would be lost, each with its target.

The scale is logarithmic: a restore of a minute, and the hour that it may take, are both to be seen. The numbers stand
beside it as text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .data import DrillPoint, PageData
from .html import Markup, ago, join, length, tag
from .parts import pill, section
from .plot import DAY, HEIGHT, WIDTH, Point, frame, key, path, quarters

NOTHING = Markup("")
#: What is above the target, or above the longest of all, as a part of it.
ROOM = 3
#: What is to the left of the first drill, as a part of the whole.
MARGIN = 0.04


@dataclass(frozen=True)
class _Series:
    """One number over all drills; None where a drill has not got so far."""

    title: str
    values: tuple[float | None, ...]
    target: float


def drills(data: PageData) -> Markup:
    """The card of all databases that were tried; nothing if none was."""
    known = [(name, points) for name, points in sorted(data.drills.items()) if points]
    if not known:
        return NOTHING
    parts = [part for name, points in known for part in _of(name, points, float(data.at))]
    return section("Drills", *parts, beside=_word([points[-1] for _name, points in known]))


def _word(newest: Sequence[DrillPoint]) -> Markup:
    if any(point.failed for point in newest):
        return pill("not to be relied on", "bad", "cross")
    if any(point.is_missed for point in newest):
        return pill("target missed", "warn", "alert")
    return pill("can be restored", "good", "check")


def _of(name: str, points: Sequence[DrillPoint], now: float) -> list[Markup]:
    last = points[-1]
    series = [
        _Series("Recovery time", tuple(point.recovery_seconds for point in points), last.rto_seconds),
        _Series("Would be lost", tuple(point.lost_seconds for point in points), last.rpo_seconds),
    ]
    moments = [point.at for point in points]
    failed = sum(point.failed for point in points)
    count = (
        f"{len(points)} drill{'s' if len(points) != 1 else ''}, {failed} failed" if failed else f"{len(points)} good"
    )
    head = tag("p", tag("strong", name), f": {count}; the newest {ago(now - last.at)}.", class_="small")
    return [head, *(part for one in series for part in _plot(name, one, moments, now))]


def _plot(name: str, one: _Series, moments: Sequence[float], now: float) -> list[Markup]:
    seen = [value for value in one.values if value is not None]
    most = max([one.target, 1.0, *seen]) * ROOM
    begin, width = _span(moments, now)

    def across(at: float) -> float:
        return (at - begin) / width * WIDTH

    def height(value: float) -> float:
        return (1 - math.log(max(value, 1.0)) / math.log(most)) * HEIGHT

    drawn = quarters()
    for piece in _pieces([(across(at), value) for at, value in zip(moments, one.values, strict=True)]):
        placed = [(x, height(value)) for x, value in piece]
        drawn.append(tag("path", d=path(placed), class_="used"))
        dots = join(*(f"M{x:.1f} {y:.2f}h.01" for x, y in placed))
        drawn.append(tag("path", d=dots, class_="dots"))
    missing = [at for at, value in zip(moments, one.values, strict=True) if value is None]
    if missing:
        drawn.append(tag("path", d=join(*(f"M{across(at):.1f} 0V{HEIGHT}" for at in missing)), class_="gone"))
    drawn.append(tag("path", d=f"M0 {height(one.target):.2f}H{WIDTH}", class_="floor"))
    last = one.values[-1]
    text = f"{one.title.lower()}: {length(last) if last is not None else 'not measured'} in the newest"
    text += f", at most {length(max(seen))}" if seen else ""
    target = f"target: {length(one.target)}"
    lines = [("used", text), ("floor", target), *([("gone", f"{len(missing)} not measured")] if missing else [])]
    scale = [length(most), length(math.sqrt(most)), "1 s"]
    label = f"{one.title} of {name} over {len(moments)} drills; {text}; {target}"
    return [frame(drawn, label, scale, now - begin, "plot low"), key(*lines)]


def _span(moments: Sequence[float], now: float) -> tuple[float, float]:
    """Where the plot begins, and how long it is: a little more than all drills, so that the first is to be seen."""
    width = max(now - moments[0], float(DAY)) * (1 + MARGIN)
    return now - width, width


def _pieces(values: Sequence[tuple[float, float | None]]) -> list[list[Point]]:
    """The line in pieces, broken where nothing was measured."""
    pieces: list[list[Point]] = [[]]
    for x, value in values:
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((x, value))
    return [piece for piece in pieces if piece]
