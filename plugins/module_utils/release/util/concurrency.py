# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same with several things at once.

Whoever asks many times keeps one `TaskPool` for all of them: starting threads costs the processor that the apps boot
on. One thing alone needs no thread at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")

#: So many at a time; the others wait for their turn.
MOST = 32


class TaskPool:
    """A context in which threads, once they were needed, stay."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> TaskPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def all(self, action: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
        """What the action gives for each item, in order. Raises what the first failing one raised, after all ended."""
        todo = list(items)
        if len(todo) < 2:
            return [action(item) for item in todo]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(max_workers=MOST)
        running = [self._pool.submit(action, item) for item in todo]
        for item in running:
            item.exception()  # waits
        return [item.result() for item in running]


def concurrently(action: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
    """The same, once."""
    with TaskPool() as at_once:
        return at_once.all(action, items)
