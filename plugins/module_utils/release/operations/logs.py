# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what apps, services, jobs and builds have written, of containers that are gone too, and what they write now.

Nothing is locked, and no operation waits for somebody who reads.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Collection
from typing import Protocol

from ..errors import OperationError
from ..planning import logs as planning
from ..ports import Host, LogReader
from ..releases.logs import Line, Source, Wish
from ..stack.model import Stack
from .log_merge import Merge

#: Files tell nobody that they grow.
POLL_SECONDS = 0.1
#: How often new containers are looked for: well within the time for which lines wait.
LOOK_SECONDS = 0.2


class Output(Protocol):
    """Where lines go."""

    def show(self, line: Line, source: Source) -> None: ...
    def tell(self, text: str) -> None: ...
    def flush(self) -> None: ...
    def is_open(self) -> bool: ...


def show(host: Host, stack: Stack, asked: Wish, output: Output, *, follow: bool = False) -> None:
    """Show lines in the order of their times; with `follow` until nobody reads any longer. Raises RefusedError."""
    now, sources = _now(host), host.logs.sources(stack.name)
    planning.check_known(stack, sources, () if not asked.release else host.store.release_names(stack.name), asked)
    chosen = planning.select(sources, asked)
    for text in planning.elsewhere(chosen):
        output.tell(text)
    chosen = [source for source in chosen if source.is_readable]
    merge = Merge(asked, lambda source: host.logs.open(source, asked.since), output.show, output.tell)
    with contextlib.closing(merge):
        if asked.lines:
            for source, reader in _newest(host, chosen, asked, output, keep_open=follow):
                merge.follow(source, reader)
        else:
            merge.add(chosen)
            if not follow:
                merge.history(now, output.is_open)
        output.flush()
        if follow:
            _follow(host, stack, asked, output, merge, {source.id for source in sources})


def _newest(
    host: Host, sources: Collection[Source], asked: Wish, output: Output, *, keep_open: bool
) -> list[tuple[Source, LogReader]]:
    """Show the newest lines of all sources together. Returns those that may write more, where reading goes on."""
    found: list[tuple[int, int, Line, Source]] = []
    readers = []
    number = 0
    # What runs comes first, then what has ended last: where that is older than all that was found, it is not read. What
    # is there still may be started again, so following needs to know where it ended.
    for source in sorted(sources, key=lambda it: it.changed or float("inf"), reverse=True):
        is_older = len(found) == asked.lines and source.changed and (source.changed + 1) * 1e9 < found[0][0]
        if is_older and (source.is_over or not keep_open):
            continue
        # A text that is nowhere takes all of them to look for, and whoever asked may be gone by then.
        if not output.is_open():
            break
        reader = host.logs.open(source, asked.since)
        for line in reader.tail(asked.lines, asked):
            number += 1
            entry = (line.at, number, line, source)
            if len(found) < asked.lines:
                heapq.heappush(found, entry)
            else:
                heapq.heappushpop(found, entry)
        for text in reader.troubles:
            output.tell(f"{source.environment} {source.name}: {text}")
        reader.troubles.clear()
        if keep_open and not source.is_over:
            readers.append((source, reader))
        else:
            reader.close()
    for _at, _number, line, source in sorted(found, key=lambda entry: entry[:2]):
        output.show(line, source)
    return readers


def _follow(host: Host, stack: Stack, asked: Wish, output: Output, merge: Merge, known: set[str]) -> None:
    clock = host.clock
    looked = clock.monotonic()
    is_told = False
    while output.is_open():
        if clock.monotonic() - looked >= LOOK_SECONDS:
            looked = clock.monotonic()
            try:
                sources = [source for source in host.logs.sources(stack.name) if source.id not in known]
                is_told = False
            except OperationError as error:
                # It is restarted, as a rule. What runs goes on, and so does reading its files.
                sources = []
                if not is_told:
                    output.tell(str(error))
                is_told = True
            known.update(source.id for source in sources)
            chosen = planning.select(sources, asked)
            for text in planning.elsewhere(chosen):
                output.tell(text)
            merge.add(source for source in chosen if source.is_readable)
        busy = merge.step(_now(host), clock.monotonic())
        output.flush()
        if not busy:
            clock.wait(POLL_SECONDS)


def _now(host: Host) -> int:
    return int(host.clock.now() * 1e9)
