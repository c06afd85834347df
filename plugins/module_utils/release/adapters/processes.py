# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of this host: which of them belong together."""

from __future__ import annotations

import contextlib
import os

#: Among the fields of /proc/<id>/stat that follow the name.
_PARENT, _SESSION = 1, 3


def members(leader: int, first: int) -> list[int]:
    """Handles of the processes of a session and of what they have started, in the container with this first process. A
    handle never comes to name another process, as a number does. Whoever gets them closes them."""
    parents, sessions = {}, {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _fields(int(name))):
            parents[int(name)], sessions[int(name)] = int(fields[_PARENT]), int(fields[_SESSION])
    mine = {number for number, session in sessions.items() if session == leader}
    while more := {number for number, parent in parents.items() if parent in mine} - mine:
        mine |= more
    found, home = [], _namespace(first)
    for number in sorted(mine):
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(number)
            now = _fields(number)
            # Its number may have become another one's between the two.
            if now and int(now[_SESSION]) in (leader, number, sessions[number]) and _namespace(number) == home != "":
                found.append(handle)
            else:
                os.close(handle)
    return found


def _namespace(number: int) -> str:
    try:
        return os.readlink(f"/proc/{number}/ns/pid")
    except OSError:
        return ""


def _fields(number: int) -> list[bytes]:
    try:
        with open(f"/proc/{number}/stat", "rb") as file:
            # The name, in parentheses, may hold anything.
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []
