# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk use over time as a plot. Its numbers stand beside it as text."""

from __future__ import annotations

from ...planning.disk_usage import BUCKET_SECONDS, KEPT_SECONDS
from .data import DiskUse, PageData
from .html import Markup, ago, gigabytes, join, tag
from .parts import pill, section

#: The plot is stretched to fit; its strokes keep their width, and texts are outside of it.
WIDTH, HEIGHT = 1000, 100
#: Gaps between samples longer than this break the line.
GAP_SECONDS = 3 * BUCKET_SECONDS
DAY = 86400


def disk(data: PageData) -> Markup:
    """The card with the disk use."""
    now, seen, floor = float(data.at), data.disk, data.status.floor_gb * 1e9
    total, free = float(seen.total), float(seen.free)
    word = pill("enough free", "good", "check") if free >= floor else pill("below its floor", "bad", "cross")
    text = tag("p", tag("strong", gigabytes(free)), f" free of {gigabytes(total)}.", class_="small")
    samples = [(float(sample.at), (sample.total - sample.free) / sample.total) for sample in seen.samples]
    if len(samples) < 2:
        plot = tag("p", "The plot starts with the second sample; one is taken every ten minutes.", class_="empty")
        return section("Disk", text, plot, beside=word)
    limit = (total - floor) / total
    return section("Disk", text, _plot(samples, now, total, limit), _key(seen, floor), beside=word)


def _key(seen: DiskUse, floor: float) -> Markup:
    def sample(kind: str) -> Markup:
        return tag("svg", tag("path", d="M0 6H24", class_=kind), viewBox="0 0 24 12", aria_hidden="true")

    least = f"used; lowest free space in this period: {gigabytes(float(seen.lowest))}"
    return tag(
        "ul",
        tag("li", sample("used"), tag("span", least)),
        tag("li", sample("floor"), tag("span", f"above this line, less than {gigabytes(floor)} is free")),
        class_="key",
    )


def _plot(samples: list[tuple[float, float]], now: float, total: float, limit: float) -> Markup:
    begin = max(samples[0][0], now - KEPT_SECONDS)
    width = max(now - begin, 1.0)
    points = [((at - begin) / width * WIDTH, (1 - used) * HEIGHT) for at, used in samples]
    pieces = _pieces([at for at, _used in samples], points)
    drawn = [tag("path", d=_days(begin, now, width), class_="grid")]
    drawn += [tag("path", d=f"M0 {HEIGHT * part}H{WIDTH}", class_="grid") for part in (0.25, 0.5, 0.75)]
    for piece in pieces:
        line = " ".join(f"{x:.1f} {y:.2f}" for x, y in piece)
        drawn.append(tag("path", d=f"M{line}L{piece[-1][0]:.1f} {HEIGHT} {piece[0][0]:.1f} {HEIGHT}z", class_="area"))
        drawn.append(tag("path", d=f"M{line}", class_="used"))
    if 0 < limit < 1:
        drawn.append(tag("path", d=f"M0 {(1 - limit) * HEIGHT:.2f}H{WIDTH}", class_="floor"))
    label = f"Used disk space over time, now {samples[-1][1]:.0%} of {gigabytes(total)}"
    view = f"0 0 {WIDTH} {HEIGHT}"
    image = tag("svg", *drawn, viewBox=view, preserveAspectRatio="none", role="img", aria_label=label)
    scale = [tag("span", gigabytes(total * part)) for part in (1, 0.5)] + [tag("span", "0 GB")]
    return tag(
        "div",
        tag("div", *scale, class_="scale", aria_hidden="true"),
        image,
        tag("div", tag("span", ago(now - begin)), tag("span", "now"), class_="span", aria_hidden="true"),
        class_="plot",
    )


def _pieces(moments: list[float], points: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """The line in pieces, broken where nothing was measured."""
    pieces = [[points[0]]]
    for before, at, point in zip(moments, moments[1:], points[1:], strict=False):
        if at - before > GAP_SECONDS:
            pieces.append([])
        pieces[-1].append(point)
    return pieces


def _days(begin: float, now: float, width: float) -> str:
    """A vertical line for every midnight, UTC."""
    first = (int(begin) // DAY + 1) * DAY
    return join(*(f"M{(at - begin) / width * WIDTH:.1f} 0V{HEIGHT}" for at in range(first, int(now), DAY)))
