# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and directories of root alone. An earlier engine has left some that everybody could read, and somebody may
have given one away: they are mended when they are used."""

from __future__ import annotations

import os
import stat


def private_directory(path: str) -> None:
    """Make a directory, or make the one that is there, accessible to its owner only."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _set_mode(handle, 0o700)
    finally:
        os.close(handle)


def open_private(path: str, flags: int) -> int:
    """Open a file, which is created if it is missing, and make it accessible to its owner only. Returns its descriptor.
    It is not inherited by docker or git: a child that outlives this process must not keep a lock, say."""
    handle = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.fstat(handle).st_uid != os.geteuid():
        os.fchown(handle, os.geteuid(), -1)
    _set_mode(handle, 0o600)
    return handle


def _set_mode(handle: int, mode: int) -> None:
    if stat.S_IMODE(os.fstat(handle).st_mode) != mode:
        os.fchmod(handle, mode)
