# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for what another thread or process does, in tests without a host."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE_SECONDS = 0.002


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Return as soon as the condition holds. Raises AssertionError if it does not within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        # A pause between two checks, not a wait for a result: the other side needs the CPU.
        time.sleep(PAUSE_SECONDS)
