# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New connections to the ports of apps."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from release.stack.model import EnvironmentName

if TYPE_CHECKING:
    from fakes.world import World


class FakeIntake:
    """The kernel's packet filter: what is refused is forgotten when its time is up, and by a reboot."""

    def __init__(self, world: World) -> None:
        self.world = world
        #: By environment: the ports, and until when.
        self.held: dict[EnvironmentName, tuple[frozenset[int], float]] = {}
        #: Why nothing can be refused.
        self.trouble = ""
        #: How many connections are open when somebody looks, one look after the other; then none.
        self.open: list[int] = []
        #: And how many of them the apps have not accepted.
        self.not_accepted: list[int] = []

    def hold(self, stack: str, environment: EnvironmentName, ports: Collection[int], seconds: float) -> str:
        if self.trouble:
            return self.trouble
        with self.world.change(f"hold {sorted(ports)}"):
            self.held[environment] = (frozenset(ports), self.world.clock.time + seconds)
        return ""

    def admit(self, stack: str, environment: EnvironmentName) -> None:
        with self.world.change(f"admit {environment}"):
            self.held.pop(environment, None)

    def connections(self, ports: Collection[int]) -> int:
        self.world.faults.alive()
        return self.open.pop(0) if self.open else 0

    def waiting(self, pids: Collection[int]) -> int:
        self.world.faults.alive()
        return self.not_accepted.pop(0) if self.not_accepted else 0

    def refuses(self, port: int) -> bool:
        return bool(self.held) and any(
            port in ports and self.world.clock.time < end for ports, end in self.held.values()
        )
