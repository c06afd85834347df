# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running an operation in a process of its own, so that it survives the loss of SSH or the control machine."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from ..util.files import write_atomically
from ..util.printable import clean
from .private import private_directory


def start(
    work: Callable[[], dict[str, Any]],
    result_path: str,
    wait_seconds: float | None,
    redact: Callable[[str], str] = clean,
) -> tuple[int, dict[str, Any] | None]:
    """Run `work` in a new session. Returns its process id and its result, or None if it is not done within the wait.

    An exception that nobody expected is part of the result, in lines made by `redact`."""
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(work, result_path, writer, redact)
    os.close(writer)
    try:
        data = _read_all(reader, wait_seconds)
    finally:
        os.close(reader)
    if data is None:
        return pid, None
    os.waitpid(pid, 0)
    return pid, json.loads(data) if data else None


def _child(work: Callable[[], dict[str, Any]], result_path: str, writer: int, redact: Callable[[str], str]) -> None:
    try:
        os.setsid()
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        try:
            result = work()
        except Exception:  # the waiting caller must learn of it, whatever it was
            result = {
                "failed": True,
                "message": "the engine failed",
                "log": [redact(line) for line in traceback.format_exc().splitlines()[-12:]],
            }
        data = json.dumps(result).encode()
        try:
            private_directory(os.path.dirname(result_path))
            write_atomically(result_path, data, 0o600)
        finally:
            view = memoryview(data)
            while view:
                view = view[os.write(writer, view) :]
    except OSError:
        os._exit(1)
    finally:
        # Not sys.exit: that would run the parent's exit handlers, such as the removal of the module's files.
        os._exit(0)


def _read_all(reader: int, wait_seconds: float | None) -> bytes | None:
    deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
    parts: list[bytes] = []
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([reader], [], [], left)[0]:
            return None
        part = os.read(reader, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)
