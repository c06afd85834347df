# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disk use over time as a plot. Its numbers stand beside it as text."""

from __future__ import annotations

from ...planning.disk_usage import BUCKET_SECONDS, KEPT_SECONDS
from .data import DiskUse, PageData
from .html import Markup, gigabytes, tag
from .parts import pill, section
from .plot import HEIGHT, WIDTH, Point, frame, key, midnights, path, quarters

#: Gaps between samples longer than this break the line.
GAP_SECONDS = 3 * BUCKET_SECONDS


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
    least = f"used; lowest free space in this period: {gigabytes(float(seen.lowest))}"
    return key(("used", least), ("floor", f"above this line, less than {gigabytes(floor)} is free"))


def _plot(samples: list[tuple[float, float]], now: float, total: float, limit: float) -> Markup:
    begin = max(samples[0][0], now - KEPT_SECONDS)
    width = max(now - begin, 1.0)
    points = [((at - begin) / width * WIDTH, (1 - used) * HEIGHT) for at, used in samples]
    pieces = _pieces([at for at, _used in samples], points)
    drawn = [midnights(begin, now), *quarters()]
    for piece in pieces:
        line = path(piece)
        drawn.append(tag("path", d=f"{line}L{piece[-1][0]:.1f} {HEIGHT} {piece[0][0]:.1f} {HEIGHT}z", class_="area"))
        drawn.append(tag("path", d=line, class_="used"))
    if 0 < limit < 1:
        drawn.append(tag("path", d=f"M0 {(1 - limit) * HEIGHT:.2f}H{WIDTH}", class_="floor"))
    label = f"Used disk space over time, now {samples[-1][1]:.0%} of {gigabytes(total)}"
    return frame(drawn, label, [gigabytes(total), gigabytes(total / 2), "0 GB"], now - begin)


def _pieces(moments: list[float], points: list[Point]) -> list[list[Point]]:
    """The line in pieces, broken where nothing was measured."""
    pieces = [[points[0]]]
    for before, at, point in zip(moments, moments[1:], points[1:], strict=False):
        if at - before > GAP_SECONDS:
            pieces.append([])
        pieces[-1].append(point)
    return pieces
