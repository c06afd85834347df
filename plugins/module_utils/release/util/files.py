# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Atomic file updates: readers find the old content or the new, whatever happens in between.

Only regular files are read and written, and no link is followed at the end of a path. Whether the directories above can
be trusted is the caller's concern.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from typing import Any

#: The files of the engine are small. A larger one is not ours, and would only fill the memory.
LARGEST = 64 * 1024 * 1024
#: Not blocking: opening a FIFO would wait for a writer for ever.
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def read(path: str) -> bytes | None:
    """The content of a regular file; None if it does not exist.

    Raises OSError for a link, a FIFO or anything else that is no regular file, and for one that is too large.
    """
    try:
        return read_with_mode(path)[0]
    except FileNotFoundError:
        return None


def read_with_mode(path: str, *, follow: bool = False) -> tuple[bytes, int]:
    """The content and the mode of a regular file, and of what a link leads to if `follow`. Raises OSError."""
    handle = os.open(path, _READ if follow else _READ | os.O_NOFOLLOW)
    with os.fdopen(handle, "rb") as file:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "is no regular file", path)
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise OSError(errno.EFBIG, f"is larger than {LARGEST} bytes", path)
    return data, facts.st_mode


def read_existing(path: str) -> bytes:
    """Like `read`, for a file that must exist: raises FileNotFoundError."""
    data = read(path)
    if data is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return data


def as_json(data: Any) -> bytes:
    """JSON for a file that people read too; the same data always gives the same bytes."""
    return (json.dumps(data, indent=2, sort_keys=True) + "\n").encode()


def sync_directory(path: str) -> None:
    """Make a rename or a new name in a directory survive a power failure."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_synced(path: str, data: bytes, mode: int, owner: int | None = None) -> None:
    """Write a new file and flush it; its mode and its owner, a numeric user, are right from the start.

    Raises FileExistsError if the name is taken, even by a link that leads nowhere.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if owner is not None:
            os.fchown(handle, owner, -1)
        os.fchmod(handle, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: str, data: bytes, mode: int, owner: int | None = None) -> None:
    """Replace a file atomically, flushed to disk. A link is replaced, not followed."""
    # A name that nobody can guess, so that nobody can take it; and two writers of one file do not meet.
    partial = f"{path}.{os.urandom(4).hex()}.partial"
    try:
        write_synced(partial, data, mode, owner)
        os.replace(partial, path)
    except BaseException:
        _forget(partial)
        raise
    sync_directory(os.path.dirname(path))


def write_in_place(path: str, data: bytes, mode: int) -> None:
    """Overwrite the existing file itself, for those who have it open already: a container into which it is mounted.

    One write, then the new length: a concurrent reader of a short file finds the old or the new content, never an
    empty file. Raises OSError if this is no regular file with one name.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode) or facts.st_nlink != 1:
            raise OSError(errno.EINVAL, "is no regular file with one name", path)
        os.fchmod(handle, mode)
        if os.pwrite(handle, data, 0) != len(data):
            raise OSError(f"{path}: only a part of it could be written")
        os.ftruncate(handle, len(data))
        os.fsync(handle)
    finally:
        os.close(handle)


def _forget(path: str) -> None:
    try:
        os.remove(path)
    except FileNotFoundError:
        return
