# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of a plot over time, with its scale and key. Its numbers stand beside it as text."""

from __future__ import annotations

from collections.abc import Sequence

from .html import Markup, ago, join, tag

#: A plot is stretched to fit; its strokes keep their width, and texts are outside of it.
WIDTH, HEIGHT = 1000, 100
DAY = 86400
Point = tuple[float, float]


def frame(drawn: Sequence[Markup], label: str, scale: Sequence[str], seconds: float, look: str = "plot") -> Markup:
    """What is drawn, from so long ago until now. `scale` is what stands beside it, from the top."""
    view = f"0 0 {WIDTH} {HEIGHT}"
    image = tag("svg", *drawn, viewBox=view, preserveAspectRatio="none", role="img", aria_label=label)
    return tag(
        "div",
        tag("div", *[tag("span", text) for text in scale], class_="scale", aria_hidden="true"),
        image,
        tag("div", tag("span", ago(seconds)), tag("span", "now"), class_="span", aria_hidden="true"),
        class_=look,
    )


def key(*lines: tuple[str, str]) -> Markup:
    """What each kind of line means."""

    def sample(kind: str) -> Markup:
        return tag("svg", tag("path", d="M0 6H24", class_=kind), viewBox="0 0 24 12", aria_hidden="true")

    return tag("ul", *[tag("li", sample(kind), tag("span", text)) for kind, text in lines], class_="key")


def path(points: Sequence[Point]) -> str:
    return "M" + " ".join(f"{x:.1f} {y:.2f}" for x, y in points)


def quarters() -> list[Markup]:
    return [tag("path", d=f"M0 {HEIGHT * part}H{WIDTH}", class_="grid") for part in (0.25, 0.5, 0.75)]


def midnights(begin: float, now: float) -> Markup:
    """A vertical line for each, UTC."""
    width, first = max(now - begin, 1.0), (int(begin) // DAY + 1) * DAY
    lines = join(*(f"M{(at - begin) / width * WIDTH:.1f} 0V{HEIGHT}" for at in range(first, int(now), DAY)))
    return tag("path", d=lines, class_="grid")
