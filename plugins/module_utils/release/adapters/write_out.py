# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program of its own, which the engine has Python run as another user: it imports the standard library alone.

It writes the files below a directory out to the disk, a piece at a time. What a copy leaves waiting in memory is else
written by whoever next syncs the file system, all of it at once: a container that ends does, as the kernel syncs what
an overlay lies on when it is unmounted. Whoever commits meanwhile waits for all of that.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
import time
from collections.abc import Iterator

#: So much at once: a commit of somebody else waits for one piece at most.
PIECE = 2 * 2**20
#: From sync_file_range(2): SYNC_FILE_RANGE_WAIT_BEFORE, _WRITE and _WAIT_AFTER.
WAIT_WRITE_WAIT = 1 | 2 | 4
#: What took less was written already.
WRITTEN_SECONDS = 0.0002
#: The least that the disk is left to others after each piece; with PIECE the most that is written in a second.
REST_SECONDS = 0.01


def files(directory: str) -> Iterator[int]:
    """Each regular file below a directory, opened. What is gone by now is left out."""
    for place, _folders, names in os.walk(directory):
        for name in names:
            try:
                handle = os.open(os.path.join(place, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError:
                continue
            try:
                if stat.S_ISREG(os.fstat(handle).st_mode):
                    yield handle
            finally:
                os.close(handle)


def write_out(directory: str) -> int:
    """Write all of it out, with as long a pause after each piece as that took. Returns how many pieces had to be
    written. Raises OSError where the disk cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    number = 0
    for handle in files(directory):
        for begin in range(0, os.fstat(handle).st_size, PIECE):
            begun = time.monotonic()
            if libc.sync_file_range(handle, begin, PIECE, WAIT_WRITE_WAIT) != 0:
                error = ctypes.get_errno()
                raise OSError(error, os.strerror(error), directory)
            took = time.monotonic() - begun
            if took >= WRITTEN_SECONDS:
                number += 1
                # The pause is the purpose: it limits the rate, so that commits of production reach the disk in between.
                # No condition could be waited for instead.
                time.sleep(max(took, REST_SECONDS))
    return number


if __name__ == "__main__":
    sys.stdout.write(f"{write_out(sys.argv[1])}\n")
