# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures availability during an operation: sends the edge a visitor's requests and counts the failed ones."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence

from ..ports import ProbePort
from ..releases.runtime import Answer, ProbeCounts, ProbeTarget
from ..util.concurrency import TaskPool

#: Pause between requests: short enough to catch an outage that a visitor notices, long enough not to load the apps.
INTERVAL_SECONDS = 0.25


LONGEST_ANSWER_SECONDS = 6.0


class AvailabilityProbe:
    """Sends the requests in a thread of its own."""

    def __init__(self, probe: ProbePort, interval: float = INTERVAL_SECONDS) -> None:
        self.probe = probe
        self.interval = interval

    @contextlib.contextmanager
    def watch(self, asked: Sequence[ProbeTarget]) -> Iterator[ProbeCounts]:
        """Measure while the block runs. The counts are complete after it."""
        seen, over = ProbeCounts(), threading.Event()
        thread = threading.Thread(target=self._look, args=(list(asked), seen, over), daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            over.set()
            thread.join(LONGEST_ANSWER_SECONDS)

    def _look(self, asked: list[ProbeTarget], seen: ProbeCounts, over: threading.Event) -> None:
        with TaskPool() as at_once:

            def ask() -> list[Answer]:
                return at_once.all(self.probe.edge, asked)

            # Targets that fail before anything happens cannot be lost: a first release, or an app that is already down.
            asked = [question for question, answer in zip(asked, ask(), strict=True) if is_good(answer)]
            down_since = None
            while asked and not over.wait(self.interval):
                begun = time.monotonic()
                bad = sum(not is_good(answer) for answer in ask())
                seen.asked += len(asked)
                seen.failed += bad
                if bad and down_since is None:
                    down_since = begun
                elif not bad and down_since is not None:
                    seen.down_seconds += begun - down_since
                    down_since = None
            if down_since is not None:
                seen.down_seconds += time.monotonic() - down_since


def is_good(answer: Answer) -> bool:
    return 0 < answer.status < 500
