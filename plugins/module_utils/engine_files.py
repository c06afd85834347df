# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing the installed engine's package as a whole, for the module `engine`."""

from __future__ import annotations

import os
import shutil

from .release.util import files as atomic

#: The package in its directory, and its temporary names there during a replacement.
PACKAGE = "release"
NEW = "release.new"
OLD = "release.old"


def files_of(path: str) -> list[str]:
    """The files of the installed package, and any that an interrupted replacement left beside it.

    Python's __pycache__ may stay: it saves compiling at each call, and Python keeps it up to date.
    """
    return [
        os.path.join(place, name)
        for directory in (PACKAGE, NEW, OLD)
        for place, _directories, names in os.walk(os.path.join(path, directory))
        for name in names
        if directory != PACKAGE or "__pycache__" not in place
    ]


def replace_package(path: str, files: dict[str, tuple[bytes, int]]) -> None:
    """Write the package beside the installed one and swap them, so that nobody who starts it meanwhile gets modules of
    both. Without files the package is removed.
    """
    package, new, old = (os.path.join(path, directory) for directory in (PACKAGE, NEW, OLD))
    for rest in (new, old):
        shutil.rmtree(rest, ignore_errors=True)
    for name, (data, mode) in files.items():
        place = os.path.join(new, os.path.relpath(name, package))
        os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
        atomic.write_synced(place, data, mode)
    if os.path.isdir(package):
        os.rename(package, old)
    if files:
        os.rename(new, package)
        atomic.sync_directory(path)
    shutil.rmtree(old, ignore_errors=True)


def same(path: str, data: bytes, mode: int) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read() == data and os.stat(path).st_mode & 0o777 == mode
    except FileNotFoundError:
        return False
