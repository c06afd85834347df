# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is notified, in memory."""

from __future__ import annotations

from release.releases.events import Event


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def notify(self, event: Event, wait: bool = False) -> None:
        self.events.append(event)

    def troubles(self) -> list[str]:
        return ["ops: failure of 2026-01-01 10:00 not delivered: HTTP 410"]

    @property
    def kinds(self) -> list[tuple[str, str]]:
        return [(event.event, event.environment) for event in self.events]
