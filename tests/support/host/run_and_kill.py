"""Runs the installed engine's command and, at a named moment of its journal, kills it or has something done.

    run_and_kill.py --at MOMENT (--kill | --do COMMAND | --wait FILE) -- promote --stack faults

MOMENT is `begin`, `plan` or `recover` (right after that line of the journal was written), `<step>:begun` or
`<step>:done`, `after:<seconds>`, or a place between two effects of one step: see INSIDE. The product has no hook for
this: the engine is imported as the command `onehost` does it, and Journal.add is wrapped from outside.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from release.adapters import docker, haproxy, one_off, pgbackrest, restores, store
from release.entrypoints import cli
from release.process import journal

#: How far into a call "during" is.
DURING_SECONDS = 0.3
#: Between two effects of one step: the adapter and its method, whether the act comes before, during or after the call,
#: and which call of that step it is.
INSIDE: dict[str, tuple[Any, str, str, int]] = {
    "record:half": (os, "rename", "before", 1),
    "tags:half": (docker.Docker, "tag", "after", 1),
    "switch:file": (haproxy.HAProxy, "command", "before", 1),
    "statuses:half": (store.Store, "set_status", "after", 1),
    # The third container: the first two ask.
    "migrate:half": (one_off.OneOff, "start", "after", 3),
    # The first, where the database is backed up: it was asked before its restore point.
    "migrate:run": (one_off.OneOff, "start", "after", 1),
    # The second: the first one asks.
    "downgrade:half": (one_off.OneOff, "start", "after", 2),
    # The third again, of those on the copy.
    "rehearse:half": (one_off.OneOff, "start", "after", 3),
    # A program copies.
    "copy:half": (pgbackrest.PgBackRest, "restore_into", "during", 1),
    # PostgreSQL has been started, and goes on by itself.
    "replay:half": (restores.Restores, "_recovers", "before", 1),
    "start:half": (docker.Docker, "_compose", "before", 1),
    "stop:half": (docker.Docker, "stop", "before", 1),
    "before_switch:half": (one_off.OneOff, "start", "after", 1),
    "after_switch:half": (one_off.OneOff, "start", "after", 1),
}


def wrap(moment: str, step: list[str], act: Callable[[], None]) -> None:
    """Act before, during or after a call of an adapter, counted within the step of the journal that `step` names."""
    place, name, when, number = INSIDE[moment]
    call: Callable[..., Any] = getattr(place, name)
    calls: list[int] = []

    def wrapped(*arguments: Any, **named: Any) -> Any:
        # Before the operation the same is asked and done to see how the host is.
        calls.extend([1] if step[0] == moment.partition(":")[0] else [])
        is_this = len(calls) == number
        if when == "before" and is_this:
            act()
        if when == "during" and is_this:
            threading.Timer(DURING_SECONDS, act).start()
        result = call(*arguments, **named)
        if when == "after" and is_this:
            act()
        return result

    setattr(place, name, wrapped)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--at", required=True)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--do", default="")
    parser.add_argument("--wait", default="")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    rest = options.rest[1:] if options.rest[:1] == ["--"] else options.rest
    state = {"reached": False}
    step = [""]

    def act() -> None:
        if state["reached"]:
            return
        state["reached"] = True
        if options.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if options.do:
            subprocess.run(["/bin/sh", "-c", options.do], stdin=subprocess.DEVNULL, check=True, timeout=60)
        if options.wait:
            # The file shows that the moment was reached; removing it lets the operation continue.
            Path(options.wait).touch()
            deadline = time.monotonic() + 60
            while Path(options.wait).exists() and time.monotonic() < deadline:
                time.sleep(0.01)

    write = journal.Journal.add

    def add(self: journal.Journal, event: str, **data: Any) -> None:
        write(self, event, **data)
        name = data.get("step", "")
        step[0] = name if event == "step" else step[0]
        moment = {"step": f"{name}:begun", "done": f"{name}:done"}.get(event, event)
        if moment == options.at:
            act()

    mock.patch.object(journal.Journal, "add", add).start()
    if options.at.startswith("after:"):
        state["reached"] = True
        timer = threading.Timer(float(options.at[6:]), os.kill, (os.getpid(), signal.SIGKILL))
        timer.daemon = True
        timer.start()
    if options.at in INSIDE:
        wrap(options.at, step, act)
    code = cli.main(rest)
    sys.stdout.flush()
    # 99: the operation ended without reaching the moment, so the case tested nothing.
    os._exit(code if state["reached"] else 99)


main()
