# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts, moments and sizes as HTML."""

from __future__ import annotations

import pytest
from fakes import pages

from release.releases.release import seconds_of
from release.rendering.page.html import Markup, ago, clock, gigabytes, join, length, moment, tag
from release.rendering.page.parts import clip


def test_texts_become_html_only_where_it_was_made() -> None:
    assert tag("p", "<b>", Markup("<b>")) == "<p>&lt;b&gt;<b></p>"
    assert tag("a", class_="x", http_equiv='"') == '<a class="x" http-equiv="&quot;"></a>'
    assert tag("meta", name="a") == '<meta name="a">'
    assert join("<", Markup("<")) == "&lt;<"
    assert type(Markup("<") + "<") is str, "a sum is a text again"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0, "just now"), (10, "10 s ago"), (59.9, "59 s ago"), (60, "1 minute ago"), (3599, "59 minutes ago")),
        *((3600, "1 hour ago"), (86399, "23 hours ago"), (86400, "1 day ago"), (4e6, "46 days ago"), (-5, "just now")),
    ],
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert ago(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "less than 0.1 s"),
        (0.4, "0.4 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 00 min"),
    ],
)
def test_how_long_it_took(seconds: float, words: str) -> None:
    assert length(seconds) == words


def test_moments_and_sizes() -> None:
    assert moment(pages.NOW - 60, pages.NOW).startswith('<time datetime="2026-11-21T07:00:12Z">')
    assert clock(pages.NOW, pages.NOW) == '<span class="when">21 Nov, 07:01 UTC</span>'
    assert "21 Nov 2026, 07:01 UTC" in clock(pages.NOW, pages.NOW + 90 * 86400)
    assert [gigabytes(size) for size in (0, 1.25e9, 99.94e9, 100e9)] == ["0.0 GB", "1.2 GB", "99.9 GB", "100 GB"]
    assert seconds_of("20261121T070112Z-production-abc") == pages.NOW and seconds_of("") is None
    assert clip("x" * 10, 10) == "x" * 10 and clip("x" * 11, 10) == "x" * 9 + "…"
