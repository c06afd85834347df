"""The worker half of the notes example: no port, only a heartbeat on stdout and in a file."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

VERSION = "1.0.0"
IDENTITY = {
    "app": os.environ.get("RELEASE_APP") or "worker",
    "version": VERSION,
    "environment": os.environ.get("RELEASE_ENVIRONMENT") or "development",
    "release": os.environ.get("RELEASE_ID") or "none",
}
HEARTBEAT_FILE = Path("/tmp/heartbeat")


def log(event: str, **details: object) -> str:
    """Write one JSON line per event, and return it."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = json.dumps({"time": moment, "event": event, **IDENTITY, **details})
    print(line, flush=True)
    return line


def seconds(name: str, default: float) -> float:
    """Return a test switch's value."""
    return float(os.environ.get(name) or default)


def main() -> int:
    stopped = threading.Event()
    # As process 1 of a container there is no default handling of signals.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())

    log("start")
    if stopped.wait(seconds("BOOT_SECONDS", 0)):
        return 0
    pause = seconds("HEARTBEAT_SECONDS", 5)
    exit_at = time.monotonic() + seconds("EXIT_AFTER_SECONDS", float("inf"))
    beat = 0
    while not stopped.wait(max(0.0, min(pause if beat else 0, exit_at - time.monotonic()))):
        if time.monotonic() >= exit_at:
            log("exit", cause="EXIT_AFTER_SECONDS is set")
            return 1
        beat += 1
        line = log("heartbeat", beat=beat)
        # Replaced as a whole, so that a reader never sees half a line.
        fresh = HEARTBEAT_FILE.with_suffix(".new")
        fresh.write_text(line + "\n", encoding="utf-8")
        fresh.replace(HEARTBEAT_FILE)
    log("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
