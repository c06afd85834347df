"""Progress lines with durations, and errors that are meant for people."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

HEARTBEAT_SECONDS = 10.0


class ToolError(Exception):
    """What went wrong, where, why, and the command that fixes it; shown without a traceback."""


class Progress:
    """Prints progress on standard error, each line prefixed with the tool's name."""

    def __init__(self, tool: str) -> None:
        self.tool = tool

    def say(self, text: str) -> None:
        print(f"{self.tool}: {text}", file=sys.stderr, flush=True)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Announce a step, report every ten seconds that it is still running, and finally how long it took."""
        self.say(f"{what} …")
        begin = time.monotonic()
        done = threading.Event()

        def heartbeat() -> None:
            while not done.wait(HEARTBEAT_SECONDS):
                self.say(f"{what}: still at it after {time.monotonic() - begin:.0f} s")

        thread = threading.Thread(target=heartbeat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
        self.say(f"{what}: {time.monotonic() - begin:.1f} s")
