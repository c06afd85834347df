# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd's timers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fakes.world import World


from release.stack.model import EnvironmentName


class FakeTimer:
    """systemd's timers; they do not survive a reboot."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.armed: dict[str, float] = {}

    def arm(self, stack: str, environment: EnvironmentName, seconds: float) -> None:
        with self.world.change(f"timer {environment}"):
            self.armed[environment] = self.world.clock.time + seconds

    def arm_grace_period(self, stack: str, seconds: float) -> None:
        with self.world.change("timer of the grace period"):
            self.armed[f"grace period {stack}"] = self.world.clock.time + seconds

    def disarm_grace_period(self, stack: str) -> None:
        with self.world.change("no timer of the grace period"):
            self.armed.pop(f"grace period {stack}", None)
