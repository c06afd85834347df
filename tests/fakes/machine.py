# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from release.planning.networks import Route


class FakeMachine:
    """Services that run unless a test says otherwise, and ports that nobody else has."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.taken: dict[int, str] = {}
        #: Paths that are not there.
        self.absent: set[str] = set()
        #: Where processes of every container listen.
        self.heard: list[str] = []
        self.ways: list[Route] = []

    def stopped(self, services: Sequence[str]) -> list[str]:
        return [service for service in services if service in self.down]

    def holders(self, ports: Collection[int]) -> dict[int, str]:
        return {port: holder for port, holder in self.taken.items() if port in ports}

    def missing(self, paths: Collection[str]) -> list[str]:
        return sorted(set(paths) & self.absent)

    def routes(self) -> list[Route]:
        return self.ways

    def listeners(self, pid: int) -> list[str]:
        return self.heard if pid else []
