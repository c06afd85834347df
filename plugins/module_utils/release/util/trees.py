# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that are opened once and then worked in, so that nobody can put another into their place meanwhile."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20


def entry_facts(parent: int, name: str) -> os.stat_result | None:
    """What an entry of an open directory is, without following it; None if there is none."""
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None


def is_only_of(parent: int, name: str, users: Collection[int]) -> bool:
    """Whether an entry and everything below it are directories and files with one name each that belong to these
    numeric users, and that nobody else may write to."""
    facts = entry_facts(parent, name)
    if facts is None or facts.st_uid not in users or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return False
    if not stat.S_ISDIR(facts.st_mode):
        return stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1
    handle = os.open(name, DIRECTORY, dir_fd=parent)
    try:
        return all(is_only_of(handle, inner, users) for inner in os.listdir(handle))
    finally:
        os.close(handle)


def copy_tree(parent: int, name: str, new_parent: int, new_name: str) -> None:
    """Copy directories and regular files with their owners, modes and times. Anything else is left out."""
    facts = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if stat.S_ISDIR(facts.st_mode):
        os.mkdir(new_name, 0o700, dir_fd=new_parent)
        source = os.open(name, DIRECTORY, dir_fd=parent)
        target = os.open(new_name, DIRECTORY, dir_fd=new_parent)
        try:
            for inner in os.listdir(source):
                copy_tree(source, inner, target, inner)
            _like(target, facts)
        finally:
            os.close(source)
            os.close(target)
    elif stat.S_ISREG(facts.st_mode):
        source = os.open(name, _FILE, dir_fd=parent)
        target = os.open(new_name, _NEW, 0o600, dir_fd=new_parent)
        try:
            while part := os.read(source, _CHUNK):
                view = memoryview(part)
                while view:
                    view = view[os.write(target, view) :]
            _like(target, facts)
        finally:
            os.close(source)
            os.close(target)


def _like(target: int, facts: os.stat_result) -> None:
    os.fchown(target, facts.st_uid, facts.st_gid)
    os.fchmod(target, stat.S_IMODE(facts.st_mode))
    os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    os.fsync(target)


def remove_tree(parent: int, name: str) -> None:
    """Remove an entry of an open directory and everything below it. Links are removed, not followed."""
    facts = entry_facts(parent, name)
    if facts is None:
        return
    if not stat.S_ISDIR(facts.st_mode):
        os.unlink(name, dir_fd=parent)
        return
    handle = os.open(name, DIRECTORY, dir_fd=parent)
    try:
        for inner in os.listdir(handle):
            remove_tree(handle, inner)
    finally:
        os.close(handle)
    os.rmdir(name, dir_fd=parent)


def give_tree(parent: int, name: str, users: Collection[int], user: int, group: int) -> None:
    """Give directories and regular files that belong to one of `users` to another one."""
    facts = entry_facts(parent, name)
    if facts is None or facts.st_uid not in users:
        return
    if stat.S_ISDIR(facts.st_mode):
        handle = os.open(name, DIRECTORY, dir_fd=parent)
    elif stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1:
        handle = os.open(name, _FILE, dir_fd=parent)
    else:
        return
    try:
        now = os.fstat(handle)
        if now.st_uid not in users or (stat.S_ISREG(now.st_mode) and now.st_nlink != 1):
            return
        if stat.S_ISDIR(now.st_mode):
            for inner in os.listdir(handle):
                give_tree(handle, inner, users, user, group)
        os.fchown(handle, user, group)
    finally:
        os.close(handle)
