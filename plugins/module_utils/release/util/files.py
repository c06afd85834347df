# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Atomic file updates: readers find the old content or the new, whatever happens in between."""

from __future__ import annotations

import json
import os
from typing import Any


def read(path: str) -> bytes | None:
    """The content of a file; None if it does not exist."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


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


def write_synced(path: str, data: bytes, mode: int) -> None:
    """Write a new file and flush it; its mode is right from the start."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(handle, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: str, data: bytes, mode: int) -> None:
    """Replace a file atomically, flushed to disk."""
    partial = f"{path}.partial"
    write_synced(partial, data, mode)
    os.replace(partial, path)
    sync_directory(os.path.dirname(path))


def write_in_place(path: str, data: bytes, mode: int) -> None:
    """Overwrite the existing file itself, for those who have it open already: a container into which it is mounted.

    One write, then the new length: a concurrent reader of a short file finds the old or the new content, never an
    empty file.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, mode)
    try:
        os.fchmod(handle, mode)
        if os.pwrite(handle, data, 0) != len(data):
            raise OSError(f"{path}: only a part of it could be written")
        os.ftruncate(handle, len(data))
        os.fsync(handle)
    finally:
        os.close(handle)
