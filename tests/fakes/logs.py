# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs in memory, which grow while they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from release.releases.logs import Line, Source, Wish

#: How many lines one read returns.
CHUNK = 3


@dataclass
class FakeReader:
    """One source; `lines` is what was written by now."""

    lines: list[Line]
    troubles: list[str] = field(default_factory=list)
    place: int = 0
    ended: bool = False
    is_over: bool = False
    closed: bool = False

    def read(self) -> list[Line]:
        assert not self.closed
        found = self.lines[self.place : self.place + CHUNK]
        self.place += len(found)
        self.ended = self.is_over and not found
        return found

    def tail(self, number: int, asked: Wish) -> list[Line]:
        self.place = len(self.lines)
        return [line for line in self.lines if asked.wants(line)][-number:]

    def close(self) -> None:
        self.closed = True


class FakeLogs:
    """All of a stack."""

    def __init__(self) -> None:
        self.known: dict[str, Source] = {}
        self.written: dict[str, list[Line]] = {}
        self.troubles: dict[str, list[str]] = {}
        self.opened: list[str] = []
        self.readers: list[FakeReader] = []
        #: Called before sources are listed.
        self.listed: Callable[[], None] = lambda: None

    def write(self, source: Source, *times: int) -> None:
        """Add lines, whose texts are their times."""
        self.known.setdefault(source.id, source)
        self.written.setdefault(source.id, []).extend(Line(at, "stdout", b"%d" % at) for at in times)

    def sources(self, stack: str) -> list[Source]:
        self.listed()
        return [source for source in self.known.values() if source.stack == stack]

    def open(self, source: Source, since: int) -> FakeReader:
        self.opened.append(source.id)
        reader = FakeReader(self.written[source.id], self.troubles.pop(source.id, []), is_over=source.is_over)
        self.readers.append(reader)
        return reader

    def most_open(self) -> int:
        return sum(not reader.closed for reader in self.readers)
