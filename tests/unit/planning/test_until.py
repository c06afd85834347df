# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments as people type them."""

from __future__ import annotations

import datetime

import pytest

from release.planning.until import LONGEST_DAYS, shown, until_of

NOW = datetime.datetime(2026, 11, 26, 20, 0, tzinfo=datetime.timezone.utc).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30m", 1800),
        ("2h", 7200),
        ("720h", 30 * 86400),
        ("2026-11-26T20:30:00Z", 1800),
        ("2026-11-26T21:30+01:00", 1800),
        ("2026-11-26 15:30:15-0500", 1815),
        ("2026-11-27T05:00+09:00", 0.0),
    ],
)
def test_moments(text: str, seconds: float) -> None:
    if seconds:
        assert until_of(text, NOW) == NOW + seconds
    else:
        with pytest.raises(ValueError, match="is over: now is 2026-11-26 20:00:00 UTC"):
            until_of(text, NOW)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not given"),
        ("30", "is no time"),
        ("0m", "is no time"),
        ("1.5h", "is no time"),
        ("-30m", "is no time"),
        ("tomorrow", "is no time"),
        ("1d", "is no time"),
        ("30m ", "is no time"),
        ("\u0663\u0660m", "is no time"),
        # Whose clock is meant is not known.
        ("2026-11-26T21:30", "is no time"),
        ("2026-11-26T20:00:00Z", "is over"),
        ("721h", f"is more than {LONGEST_DAYS} days away"),
        ("2062-11-26T21:30Z", f"is more than {LONGEST_DAYS} days away"),
        ("2026-13-26T21:30Z", "month"),
        ("2026-11-26T24:61Z", "hour|minute"),
    ],
)
def test_what_is_no_moment(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        until_of(text, NOW)


def test_a_moment_is_shown_with_its_zone() -> None:
    assert shown(NOW) == "2026-11-26 20:00:00 UTC"
