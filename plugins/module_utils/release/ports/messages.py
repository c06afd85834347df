# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see without asking: messages, the status page, and logs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..releases.events import Event
    from ..releases.logs import Line, Source, Wish


class NotifierPort(Protocol):
    def notify(self, event: Event, wait: bool = False) -> None: ...
    def troubles(self) -> list[str]: ...
    def test(self, event: Event) -> Iterable[tuple[str, str]]: ...


class NoNotifier:
    """Nobody is notified."""

    def notify(self, event: Event, wait: bool = False) -> None:
        return None

    def troubles(self) -> list[str]:
        return []

    def test(self, event: Event) -> Iterable[tuple[str, str]]:
        return []


class PagePort(Protocol):
    def renew(self, stack: str) -> None: ...
    def is_wanted(self, stack: str) -> bool: ...
    def write(self, stack: str, name: str, data: bytes) -> None: ...


class NoPage:
    """A host without status pages."""

    def renew(self, stack: str) -> None:
        return None

    def is_wanted(self, stack: str) -> bool:
        return False

    def write(self, stack: str, name: str, data: bytes) -> None:
        return None


class LogReader(Protocol):
    """The lines of one source, read from wherever it was left."""

    @property
    def ended(self) -> bool: ...
    @property
    def troubles(self) -> list[str]: ...
    def read(self) -> list[Line]: ...
    def tail(self, number: int, asked: Wish) -> list[Line]: ...
    def close(self) -> None: ...


class LogsPort(Protocol):
    """What apps, services, jobs and builds have written."""

    def sources(self, stack: str) -> list[Source]: ...
    def open(self, source: Source, since: int) -> LogReader: ...


class NoLogs:
    """A host on which nothing has written lines."""

    def sources(self, stack: str) -> list[Source]:
        return []

    def open(self, source: Source, since: int) -> LogReader:
        raise KeyError(source.id)
