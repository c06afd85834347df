# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real host."""

from __future__ import annotations

from release.entrypoints import bootstrap


def test_the_real_host_and_its_clock() -> None:
    clock = bootstrap.this_host().clock
    begun = clock.monotonic()
    clock.wait(0.001)
    assert clock.monotonic() > begun and clock.now() > 1_700_000_000
