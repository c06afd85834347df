# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a program as the owner of a stack, who may change that program while it runs.

It gets nothing of root's: no terminal, no file but its three streams, no variable of ours but PATH, and no endless
patience. A process on root's terminal could read what root types and type commands by itself.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from ..errors import OperationError

#: More than this is no answer to anything that is asked here.
OUTPUT_LIMIT = 256 * 1024 * 1024
#: What is kept of the messages, from their end.
MESSAGES_KEPT = 64 * 1024
#: What a pipe takes without a reader.
INPUT_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Finished:
    """How a program ended, and what it said."""

    code: int
    output: bytes
    messages: str

    @property
    def text(self) -> str:
        return self.output.decode(errors="replace")


def account(owner: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(owner)
    except KeyError as error:
        raise OperationError(
            "the stack's owner is not a user of this host", f"owner {owner}", str(error), f"create the user {owner}"
        ) from error


@contextlib.contextmanager
def started(
    owner: str,
    words: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    umask: int = 0o077,
) -> Iterator[subprocess.Popen[bytes]]:
    """The program, with pipes for its streams. When the block ends, it and all that it started are killed.

    It begins in `/`: a directory of the owner's may be a link, which root would follow to where the owner may not go.
    """
    who = account(owner)
    as_root = os.geteuid() == 0
    process = subprocess.Popen(
        words,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": who.pw_dir,
            "USER": owner,
            "LOGNAME": owner,
            "LANG": "C.UTF-8",
            **(environment or {}),
        },
        start_new_session=True,
        umask=umask,
        user=who.pw_uid if as_root else None,
        group=who.pw_gid if as_root else None,
        extra_groups=os.getgrouplist(owner, who.pw_gid) if as_root else None,
    )
    try:
        yield process
    finally:
        end(process)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def end(process: subprocess.Popen[bytes]) -> int:
    """Kill the process, if it has not ended, and those of its group. It leads its session, so the group is its own, and
    until it is waited for its number is nobody else's. Returns how it ended."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def run(
    owner: str,
    words: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    text: str = "",
    seconds: float = 60,
    umask: int = 0o077,
) -> Finished:
    """Run a program to its end. Raises TimeoutError when that does not come."""
    data = text.encode(errors="surrogateescape")
    if len(data) > INPUT_LIMIT:
        raise ValueError(f"{len(data)} bytes are too much input for {words[0]}")
    with started(owner, words, environment=environment, umask=umask) as process:
        with contextlib.suppress(BrokenPipeError):
            given, output, messages = streams(process)
            given.write(data)
            given.close()
        kept = collect(process, {output: OUTPUT_LIMIT, messages: -MESSAGES_KEPT}, seconds)
    return Finished(process.returncode, bytes(kept[output]), kept[messages].decode(errors="replace"))


def streams(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    """What it reads, what it writes, and its messages."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise ValueError("the process has other streams")
    return process.stdin, process.stdout, process.stderr


def collect(
    process: subprocess.Popen[bytes], limits: Mapping[IO[bytes], int], seconds: float
) -> dict[IO[bytes], bytearray]:
    """What the process writes to these streams until it ends: at most so many bytes, or the last ones if the limit is
    negative. It counts as ended when it has, even if something that it left behind holds its streams open, as the
    shared connections of ssh do. It is not waited for, so its number stays its own."""
    kept = {stream: bytearray() for stream in limits}
    deadline = time.monotonic() + seconds
    ended = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(ended, selectors.EVENT_READ)
            by_number = {}
            for stream in limits:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream.fileno(), selectors.EVENT_READ)
                by_number[stream.fileno()] = stream
            running = True
            while running:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"not done after {seconds:g} s")
                for key, _events in selector.select(left):
                    if key.fd == ended:
                        running = False
                    elif not _take(key.fd, kept[by_number[key.fd]], limits[by_number[key.fd]]):
                        selector.unregister(key.fd)
                        del by_number[key.fd]
            for number, stream in by_number.items():
                while _take(number, kept[stream], limits[stream]):
                    continue
    finally:
        os.close(ended)
    return kept


def _take(number: int, kept: bytearray, limit: int) -> bool:
    """Read what is there. False if there is nothing now, or nothing any more."""
    try:
        part = os.read(number, 64 * 1024)
    except BlockingIOError:
        return False
    kept += part
    if limit < 0:
        del kept[:limit]
    elif len(kept) > limit:
        raise TimeoutError(f"more than {limit} bytes of output")
    return bool(part)
