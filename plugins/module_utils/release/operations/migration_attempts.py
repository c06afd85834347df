# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrating, and again where it waited for a lock in vain: nothing is wrong with it then, but that others were busy."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..planning import migrations
from ..releases.runs import Run
from ..stack.migrate import Migrate
from .migration_runs import MigrationRuns


class Attempts(NamedTuple):
    """How the last one ended, how long all of them took, and how many waited in vain."""

    last: Run
    seconds: float
    waits: int


def migrate(
    runs: MigrationRuns,
    app: str,
    how: Migrate,
    tell: Callable[[str], None],
    before: int = 0,
    *,
    again: bool = False,
) -> Attempts:
    """Migrate, within the time for all attempts together. `before` is the number of runs that went before; `again`
    says that an earlier operation has begun it and seen no good end."""
    clock = runs.host.clock
    since, attempt, waits = clock.monotonic(), 0, 0

    def left() -> float:
        return max(1.0, how.timeout_seconds - (clock.monotonic() - since))

    while True:
        attempt += 1
        if how.before_retry and (again or attempt > 1):
            told = runs.make_ready(app, how, before + attempt, left())
            if told.outcome != "succeeded":
                return Attempts(told, clock.monotonic() - since, 0)
        run = runs.migrate(app, how, before + attempt, left())
        waits += run.outcome == "failed" and migrations.is_lock_wait(run.log)
        has_time = how.timeout_seconds - (clock.monotonic() - since) > how.pause_seconds
        if waits < attempt or attempt > how.retries or not has_time:
            return Attempts(run, clock.monotonic() - since, waits if waits == attempt else 0)
        tell(
            f"{app}: waited {how.lock_seconds:g} s for a lock in vain; its migration is begun again after "
            f"{how.pause_seconds} s ({attempt} of {how.retries} retries)"
        )
        clock.wait(how.pause_seconds)
