# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakes.world import World


class FakeClock:
    """Time that passes only while somebody waits."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.time = 1_800_000_000.0
        self.begun = self.time
        #: By how much the host's clock was set, since then.
        self.set_by = 0.0

    def now(self) -> float:
        return self.time + self.set_by

    def monotonic(self) -> float:
        return self.time - self.begun

    def wait(self, seconds: float) -> None:
        self.world.faults.alive()
        self.time += seconds
        self.world.faults.notice("clock wait")
        self.world.faults.notice(f"clock wait {seconds:g}")
