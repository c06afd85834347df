# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from release.util.concurrency import TaskPool


def one_by_one(_self: TaskPool, action: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Replaces TaskPool.all: the fakes answer at once, and a test must run the same way each time."""
    return [action(item) for item in items]
