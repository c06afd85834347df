# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One operation at a time per environment. The kernel holds the lock, so it is released when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator

from ..errors import Problem, RefusedError
from ..hints import hint, host_command, option
from ..paths import LOCKS
from ..releases.lock_holder import LockHolder, time_of_day
from ..util.printable import check_printable
from .private import open_private

#: Whoever only looks who holds the lock has it for a moment; that is no reason to turn an operation away.
LOOK_SECONDS = 0.2


def lock_path(stack: str, name: str, directory: str = LOCKS) -> str:
    """Where the lock of an environment is, or of another part of a stack, such as its keys."""
    return os.path.join(directory, f"{stack}-{name}.lock")


@contextlib.contextmanager
def hold(path: str, who: LockHolder, wait_seconds: float) -> Iterator[None]:
    """Hold the lock while the block runs. Raises RefusedError, naming the holder, if it is not free in time."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    # Whoever could open it could hold it, too, and so keep every operation out.
    try:
        handle = open_private(path, os.O_RDWR)
    except OSError as error:
        # No file of ours, so nobody holds it.
        what = f"cannot be used: {error.strerror}"
        raise RefusedError([Problem(what, path, host_command(f"rm -r {path}"))]) from None
    try:
        deadline = time.monotonic() + max(wait_seconds, LOOK_SECONDS)
        while not _try(handle):
            if time.monotonic() >= deadline:
                raise RefusedError([_taken(path)])
            time.sleep(0.02)
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(who.to_json()).encode(), 0)
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def this_process(operation: str, person: str, host: str, now: float, reason: str = "") -> LockHolder:
    """This process as a lock holder, at `now` (seconds since the epoch). Raises RefusedError where the person or the
    reason cannot be printed: history, status and notifications show them to others."""
    check_printable({"person": person, "host": host, "reason": reason})
    return LockHolder(operation, person, host, time_of_day(now), os.getpid(), reason)


def holder(path: str) -> LockHolder | None:
    """Who holds the lock now, or None if it is free. Needs no write permission there."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _try(handle, fcntl.LOCK_SH):
            return None
        return LockHolder.from_json(json.loads(os.pread(handle, 65536, 0) or b"{}"))
    except ValueError:
        return LockHolder.from_json({})
    finally:
        os.close(handle)


def _try(handle: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken(path: str) -> Problem:
    # Free by now, if its holder released it between the two attempts.
    who = holder(path) or LockHolder.from_json({})
    fix = f"wait for it with {option('lock_wait', '60')}, or see {hint('status')}"
    return Problem(f"busy: {who}", f"lock {os.path.basename(path)}", fix)
