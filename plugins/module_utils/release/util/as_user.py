# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Work in a directory of somebody else's, with no more rights than that person has.

Whoever owns a directory may put a link into the place of anything in it, at any moment. What root does there by a path
can therefore happen anywhere. What a process with the owner's own rights does there, they could have done themselves.
"""

from __future__ import annotations

import errno
import json
import os
import pwd
import select
import signal
import time
from collections.abc import Callable
from typing import Any, TypedDict

#: Work that hangs, on a file system that does not answer for example, is ended after this many seconds.
SECONDS = 60.0


class _Outcome(TypedDict, total=False):
    """What the child tells its parent, as JSON."""

    result: Any
    error: str
    number: int
    file: str


def run_as(user: str, work: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Call `work` in a child process with the rights of `user`, and return its result, which must be plain data.

    Without root's rights there is nothing to give up, and it is called here. Raises OSError if the work does, if the
    user does not exist, and if the work takes longer than `seconds`.
    """
    if os.geteuid() != 0:
        return work()
    try:
        who = pwd.getpwnam(user)
    except KeyError:
        raise OSError(errno.ENOENT, f"there is no user {user}") from None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _child(who, work, writer)
    os.close(writer)
    try:
        data = _read_all(reader, child, time.monotonic() + seconds)
    finally:
        os.close(reader)
        os.waitpid(child, 0)
    outcome: _Outcome = json.loads(data) if data else {"error": "was ended", "number": errno.ETIMEDOUT, "file": ""}
    if "error" in outcome:
        raise OSError(outcome["number"], outcome["error"], outcome["file"] or None)
    return outcome["result"]


def _child(who: pwd.struct_passwd, work: Callable[[], Any], writer: int) -> None:
    try:
        # No terminal of the caller's either.
        os.setsid()
        os.initgroups(who.pw_name, who.pw_gid)
        os.setgid(who.pw_gid)
        os.setuid(who.pw_uid)
        os.umask(0o022)
        os.chdir("/")
        os.environ.update(HOME=who.pw_dir, USER=who.pw_name, LOGNAME=who.pw_name)
        outcome: _Outcome = {"result": work()}
    except OSError as error:
        outcome = {
            "error": error.strerror or str(error),
            "number": error.errno or errno.EIO,
            "file": str(error.filename or ""),
        }
    except BaseException as error:
        # The parent must learn of it, whatever it was, and this process must not go on as if it were the parent.
        outcome = {"error": f"{type(error).__name__}: {error}", "number": errno.EIO, "file": ""}
    try:
        data = memoryview(json.dumps(outcome).encode())
        while data:
            data = data[os.write(writer, data) :]
    finally:
        os._exit(0)


def _read_all(reader: int, child: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    while select.select([reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(reader, 65536)
        if not part:
            return b"".join(parts)
        parts.append(part)
    os.kill(child, signal.SIGKILL)
    return b""
