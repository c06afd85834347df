# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of an installed engine, for the module `engine`: which there are, and replacing its package as a whole."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping

from .release.util import files as atomic

#: The package in its directory, and its temporary names there during a replacement.
PACKAGE = "release"
NEW = "release.new"
OLD = "release.old"

# Isolated (-I): the caller becomes root by sudo, so neither their directory nor their environment may bring code in.
# Without the site's own packages (-S), which the engine does not use and which take time to find.
PROGRAM = """#!/usr/bin/python3 -IS
# The release engine of onehost.release.
import gc
import sys

# What is imported stays: looking for garbage in it takes a tenth of the time to start.
gc.disable()
sys.path.insert(0, {path!r})
from release.{part} import main

gc.freeze()
gc.enable()
raise SystemExit(main())
"""


def programs(path: str, command: str) -> dict[str, tuple[bytes, int]]:
    """The command and the program that playbooks start, by path."""
    return {
        command: (PROGRAM.format(path=path, part="entrypoints.cli").encode(), 0o755),
        os.path.join(path, "exchange"): (PROGRAM.format(path=path, part="entrypoints.remote").encode(), 0o755),
    }


def checksum(files: Mapping[str, tuple[bytes, int]]) -> str:
    """Of paths, modes and contents."""
    digest = hashlib.sha256()
    for name, (data, mode) in sorted(files.items()):
        digest.update(f"{name}\0{mode:o}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    return digest.hexdigest()


def installed(path: str, command: str) -> dict[str, tuple[bytes, int]]:
    """Content and mode of every file that belongs to an installed engine, whatever version it is."""
    there = filter(os.path.lexists, [*files_of(path), *programs(path, command)])
    return {name: _read(name) for name in there}


def _read(path: str) -> tuple[bytes, int]:
    """A link that leads nowhere is a file too, which no engine has."""
    try:
        with open(path, "rb") as file:
            return file.read(), os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        return b"", 0


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
    return _read(path) == (data, mode)
