# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grace period after a key rotation: how long the previous public key stays valid. It ends by itself.

A file beside the keys holds the deadline. A timer ends the grace period then; at boot `onehost recover` ends it or
sets the timer again.
"""

from __future__ import annotations

import contextlib
import datetime

from ..errors import Problem, RefusedError
from ..paths import keys_of
from ..ports import Host
from ..process import lock
from ..releases.host_state import HostState
from ..releases.lock_holder import LockHolder
from ..releases.status import KeyRotationStatus
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from . import key_rotation

#: Warn if the previous key is still valid this long after its deadline.
LATE_SECONDS = 180.0


def directory(host: Host, stack: Stack) -> str:
    return keys_of(stack.name, host.paths.state)


def begin(
    host: Host,
    stack: Stack,
    overlap_hours: float | None,
    who: LockHolder,
    *,
    lock_wait: float = 0,
    run: key_rotation.Openssl = key_rotation.openssl,
) -> key_rotation.RotationNote:
    """Rotate the keys and schedule the end of the grace period. Returns the note with `since` and `until`."""
    if stack.keys is None:
        raise RefusedError([Problem("has no keys to rotate", f"stack {stack.name}", "add `keys` to its definition")])
    seconds = (stack.keys.overlap_hours if overlap_hours is None else overlap_hours) * 3600
    with contextlib.ExitStack() as held:
        # No container may start with one key of the old pair and one of the new pair.
        for name in (*ENVIRONMENTS, "keys"):
            held.enter_context(lock.hold(lock.lock_path(stack.name, name, host.paths.locks), who, lock_wait))
        key_rotation.check(directory(host, stack))
        # Set the timer first: without it the grace period would never end.
        host.timer.arm_grace_period(stack.name, seconds)
        return key_rotation.rotate(directory(host, stack), stack.keys.user, host.clock.now(), seconds, run)


def end(host: Host, stack: Stack, who: LockHolder, *, early: bool = False) -> bool:
    """End the grace period if its time is over, or now if `early`; otherwise set the timer again.

    Returns False if nothing was ended. Raises RefusedError if the rotation itself was interrupted.
    """
    place = directory(host, stack)
    with lock.hold(lock.lock_path(stack.name, "keys", host.paths.locks), who, 10):
        note = key_rotation.pending(place)
        if note is None or (note.get("half") and not early):
            host.timer.disarm_grace_period(stack.name)
            return False
        left = float(note["until"]) - host.clock.now()
        if left > 0 and not early:
            return False
        key_rotation.finish(place, host.clock.now())
        host.timer.disarm_grace_period(stack.name)
        return True


def after_boot(host: Host, stack: Stack, who: LockHolder) -> bool:
    """End the grace period if its time is over; otherwise set its timer again, which a reboot has removed."""
    if end(host, stack, who):
        return True
    note = key_rotation.pending(directory(host, stack))
    if note is not None and not note.get("half"):
        host.timer.arm_grace_period(stack.name, float(note["until"]) - host.clock.now())
    return False


def state(host: Host, stack: Stack, state: HostState) -> KeyRotationStatus | None:
    """The last rotation as status shows it; None if there was none."""
    note = key_rotation.last(directory(host, stack)) if stack.keys else None
    if note is None:
        return None
    since, until = float(note["since"]), float(note["until"])
    return KeyRotationStatus(
        since=moment(since),
        until=moment(until),
        running="ended" not in note,
        interrupted=bool(note.get("half")),
        late="ended" not in note and state.now > until + LATE_SECONDS,
        hours_left=round(max(0.0, until - state.now) / 3600, 1) if "ended" not in note else 0.0,
        old_pair_in=tuple(name for name in ENVIRONMENTS if _has_old_pair(stack, state, name, since)),
    )


def _has_old_pair(stack: Stack, state: HostState, environment: EnvironmentName, since: float) -> bool:
    live = state.live.get(environment)
    containers = state.in_slot(environment, live.slot) if live else []
    with_keys = {app.name for app in stack.apps.values() if app.keys != "none"}
    # Docker resolves the files again at every start.
    return any(c.app in with_keys and c.state == "running" and c.started_at < since for c in containers)


def moment(seconds: float) -> str:
    """A point in time for people, in the host's time zone."""
    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
