# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of several sources in the order of their times, read in bounded memory and while they are written.

A line is passed on once no source can have an earlier one: each of them was read beyond its time, or has no more. What
apps write now comes a moment late, for Docker notes the time of a line before it writes it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..ports import LogReader
from ..releases.logs import Line, Source, Wish

#: For so long a line that was just written waits for earlier ones of other sources, new ones among them.
HOLD_SECONDS = 0.5
#: How much of a source is read ahead, in bytes.
AHEAD = 1 << 20
_NEVER = 1 << 63

Emit = Callable[[Line, Source], None]


@dataclass
class _Open:
    """A source that is read. `at` is the time up to which it was, `waiting` how many bytes of it were not passed on."""

    source: Source
    reader: LogReader
    at: int = 0
    waiting: int = 0
    is_quiet: bool = False


@dataclass(order=True)
class _Waiting:
    at: int
    number: int
    read: float = field(compare=False)
    line: Line = field(compare=False)
    of: _Open = field(compare=False)


class Merge:
    """`begin` opens a source once it is its turn: of a hundred containers one after the other, few are open at once."""

    def __init__(
        self, asked: Wish, begin: Callable[[Source], LogReader], emit: Emit, tell: Callable[[str], None]
    ) -> None:
        self._asked, self._begin, self._emit, self._tell = asked, begin, emit, tell
        self._pending: list[Source] = []
        self._open: list[_Open] = []
        self._heap: list[_Waiting] = []
        self._number = 0

    def add(self, sources: Iterable[Source]) -> None:
        """Read these too."""
        self._pending = sorted([*self._pending, *sources], key=lambda source: (source.began, source.id))

    def follow(self, source: Source, reader: LogReader) -> None:
        """Go on with one of which something was read elsewhere."""
        self._open.append(_Open(source, reader))

    def history(self, until: int, is_read: Callable[[], bool] = lambda: True) -> None:
        """Pass on everything up to this time, as long as it is read."""
        while (self._pending or self._open) and is_read():
            self._open_due()
            for item in list(self._open):
                self._read(item, 0.0)
                if item.is_quiet or item.at > until:
                    self._drop(item)
            self._pass_on(_NEVER, None)
        self._pass_on(_NEVER, None)

    def step(self, now: int, passed: float) -> bool:
        """Pass on what has come since the last step. `now` and `passed`, of a clock that nobody sets, were asked for
        before. Returns whether there may be more at once."""
        self._open_due()
        for item in list(self._open):
            self._read(item, passed)
            if item.reader.ended:
                self._drop(item)
        found = self._pass_on(now - int(HOLD_SECONDS * 1e9), passed - 2 * HOLD_SECONDS)
        return found or any(not item.is_quiet for item in self._open)

    def close(self) -> None:
        """Let go of every file."""
        for item in self._open:
            item.reader.close()

    def _open_due(self) -> None:
        while self._pending:
            reached = [item.at for item in self._open if not item.is_quiet]
            if reached and min(reached) < int(self._pending[0].began * 1e9):
                return
            source = self._pending.pop(0)
            self._open.append(_Open(source, self._begin(source), at=int(source.began * 1e9)))

    def _drop(self, item: _Open) -> None:
        self._heard(item)
        item.reader.close()
        self._open.remove(item)

    def _heard(self, item: _Open) -> None:
        while item.reader.troubles:
            self._tell(f"{item.source.environment} {item.source.name}: {item.reader.troubles.pop(0)}")

    def _read(self, item: _Open, passed: float) -> None:
        if item.waiting >= AHEAD:
            return
        lines = item.reader.read()
        self._heard(item)
        item.is_quiet = not lines
        for line in lines:
            item.at = line.at
            if self._asked.wants(line):
                self._number += 1
                item.waiting += len(line.text) + 100
                heapq.heappush(self._heap, _Waiting(line.at, self._number, passed, line, item))

    def _pass_on(self, newest: int, read_before: float | None) -> bool:
        """Pass on what is not later than anything that may still come."""
        limits = [item.at for item in self._open if not item.is_quiet]
        limits += [int(source.began * 1e9) for source in self._pending[:1]]
        limit = min([newest, *limits])
        found = False
        # The host's clock may have been set back: no line waits for longer than it should.
        while self._heap and (
            self._heap[0].at <= limit or (read_before is not None and self._heap[0].read < read_before)
        ):
            waiting = heapq.heappop(self._heap)
            waiting.of.waiting -= len(waiting.line.text) + 100
            self._emit(waiting.line, waiting.of.source)
            found = True
        return found
