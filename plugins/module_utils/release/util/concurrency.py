# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running one action on several items concurrently.

Callers that do this repeatedly keep one `TaskPool`, because starting threads costs CPU that the booting apps need. A
single item runs without a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")

#: At most this many at a time; the others are queued.
MOST = 32


class TaskPool:
    """A context whose threads start on first use and are then reused."""

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
        """The action's result for each item, in order. Once all have ended, raises the first one's error, if any."""
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
    """Run `action` on every item concurrently, with a pool of its own."""
    with TaskPool() as at_once:
        return at_once.all(action, items)
