# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feature switches: flags that an app declares, turned without a deploy. The kill switch of an incident.

What was turned is kept beside the releases, not in them, so that it outlives deploys, rollbacks and reboots until
somebody turns it back. Each app has a directory of its own, mounted as a whole: a file in it may be replaced in one
step, and the running app sees the new one at once. A flag may close a route as well: then the switch answers 503 there.
"""

from __future__ import annotations

import datetime
import json
import os

from ..adapters.flags_file import STATE, _home, turned
from ..ports import RouterPort
from ..process import lock
from ..releases.lock_holder import LockHolder
from ..stack.flags import State, closed, values, who_has
from ..stack.model import ENVIRONMENTS, Stack
from ..util.files import as_json, read, write_atomically

FILE = "flags.json"


LOCK_SECONDS = 10.0


def turn(
    stack: Stack,
    environment: str,
    flag: str,
    on: bool,
    who: LockHolder,
    switch: RouterPort,
    *,
    state: str = STATE,
    locks: str = lock.DIRECTORY,
    write: bool = True,
) -> bool:
    """Turn one flag, for every app that declares it. True when that is a change."""
    who_has(stack, flag)
    if not write:
        return turned(stack, environment, state).get(flag, {}).get("on") is not on
    home = _home(stack, environment, state)
    os.makedirs(home, mode=0o755, exist_ok=True)
    with lock.hold(lock.lock_path(stack.name, f"flags-{environment}", locks), who, LOCK_SECONDS):
        known = turned(stack, environment, state)
        changed = known.get(flag, {}).get("on") is not on
        if changed:
            moment = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            entry = {"on": on, "person": who.person, "reason": who.reason, "at": moment}
            known = {**known, flag: entry}
            write_atomically(os.path.join(home, "turned.json"), as_json(known), 0o644)
            with open(os.path.join(home, "history.jsonl"), "a", encoding="utf-8") as file:
                file.write(json.dumps({"flag": flag, **entry}) + "\n")
        # Also when nothing changes: the file of an app may be older than the record, after a kill between the two.
        _write_files(stack, environment, known, home)
        switch.set_closed(stack.name, environment, closed(stack, known))
    return changed


def provide(stack: Stack, switch: RouterPort, *, state: str = STATE, write: bool = True) -> list[str]:
    """Write each app's file as it is to be, and close routes; returns what changes. For new flags and new apps."""
    changed = []
    for environment in ENVIRONMENTS:
        home, known = _home(stack, environment, state), turned(stack, environment, state)
        changed += _write_files(stack, environment, known, home, write)
        routes = closed(stack, known)
        if switch.closed(stack.name, environment) != routes:
            changed.append(f"closed routes of {environment}")
            if write:
                switch.set_closed(stack.name, environment, routes, must_run=False)
    return changed


def _write_files(stack: Stack, environment: str, known: State, home: str, write: bool = True) -> list[str]:
    changed = []
    for app in stack.apps.values():
        if not app.flags:
            continue
        path = os.path.join(home, app.name, FILE)
        data = as_json(values(stack, app.name, known))
        if read(path) == data:
            continue
        changed.append(path)
        if write:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            write_atomically(path, data, 0o644)
    return changed
