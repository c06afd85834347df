# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host itself: its disk, its memory, its clock and its timers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..planning.cleanup import DiskItem, HostUsage, Removal, Settings
    from ..planning.networks import Route
    from ..stack.model import EnvironmentName, Stack
    from .host import Host


class DiskPort(Protocol):
    def observe(self, stacks: Sequence[Stack]) -> HostUsage: ...
    def space(self, stacks: Sequence[Stack]) -> tuple[int, int]: ...
    def releases(self, stack: Stack) -> list[DiskItem]: ...
    def used(self, path: str) -> int: ...
    def consumers(self, usage: HostUsage, number: int = 10) -> list[DiskItem]: ...
    def remove(self, removal: Removal, settings: Settings, stacks: Sequence[Stack]) -> str: ...
    def spend_ballast(self) -> None: ...
    def renew_ballast(self, stacks: Sequence[Stack]) -> None: ...
    def settings(self, given: Mapping[str, float | int | None]) -> Settings: ...


class TimerPort(Protocol):
    def arm(self, stack: str, environment: EnvironmentName, seconds: float) -> None: ...
    def arm_grace_period(self, stack: str, seconds: float) -> None: ...
    def disarm_grace_period(self, stack: str) -> None: ...


class ClockPort(Protocol):
    def now(self) -> float: ...
    def monotonic(self) -> float: ...
    def wait(self, seconds: float) -> None: ...


class MachinePort(Protocol):
    """The host itself: its services, and who listens where."""

    def stopped(self, services: Sequence[str]) -> list[str]: ...
    def holders(self, ports: Collection[int]) -> dict[int, str]: ...
    def listeners(self, pid: int) -> list[str]: ...
    def missing(self, paths: Collection[str]) -> list[str]: ...
    def routes(self) -> list[Route]: ...


class NoMachine:
    """A host that nothing is asked about."""

    def stopped(self, services: Sequence[str]) -> list[str]:
        return []

    def holders(self, ports: Collection[int]) -> dict[int, str]:
        return {}

    def listeners(self, pid: int) -> list[str]:
        return []

    def missing(self, paths: Collection[str]) -> list[str]:
        return []

    def routes(self) -> list[Route]:
        return []


class RoomPort(Protocol):
    def make(
        self,
        host: Host,
        stack: Stack,
        environment: EnvironmentName,
        floor_gb: float,
        keep_images: Collection[str],
        person: str,
    ) -> str: ...


class NoRoom:
    """A host on which nothing may be removed."""

    def make(
        self,
        host: Host,
        stack: Stack,
        environment: EnvironmentName,
        floor_gb: float,
        keep_images: Collection[str],
        person: str,
    ) -> str:
        return "no cleanup here"
