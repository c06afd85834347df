# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# What the module `files` does with the rights of a user, in places that this user may rename and replace.
import contextlib
import os
import pwd
import stat
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .file_writer import CannotWriteError, FileWriter
from .release.util.as_user import run_as

LINKS_FOLLOWED = 8
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def write_all(module: AnsibleModule) -> FileWriter:
    """Write the entries of the module `files`, which fails with the first that cannot be written."""
    writer = FileWriter(module)
    path = ""
    try:
        for entry in module.params["files"]:
            for path in entry["path"]:
                if not entry["write_as"]:
                    writer.apply(entry, path)
                elif blocked := apply_as(entry["write_as"], writer, entry, path):
                    writer.blocked.append(blocked)
                    module.warn(f"left alone: {blocked}")
    except CannotWriteError as error:
        module.fail_json(msg=str(error), **error.details)
    except OSError as error:
        module.fail_json(msg=f"{path}: {error.strerror}")
    return writer


def apply_as(user: str, writer: FileWriter, entry: dict[str, Any], path: str) -> str:
    """Bring a path to its state with the rights of `user`. Returns what is in the way, or an empty string.

    What its owner put in the way must not stop root's other work, so it is no error.
    """

    def work() -> dict[str, Any]:
        # Records of its own: only these come back from the child.
        writer.paths, writer.diff = [], []
        try:
            writer.apply(entry, path)
        except CannotWriteError as error:
            return {"blocked": str(error), "details": error.details}
        return {"paths": writer.paths, "diff": writer.diff}

    before = list(writer.paths), list(writer.diff)
    try:
        if entry["state"] == "directory" and not writer.checks_only:
            create_for(user, path)
        # On a pristine host check mode has created no user.
        done = work() if writer.checks_only and not _exists(user) else run_as(user, work)
    except OSError as error:
        return f"{error.filename or path}: {error.strerror}"
    finally:
        writer.paths, writer.diff = before
    if done.get("details"):
        raise CannotWriteError(done["blocked"], **done["details"])
    writer.add(done.get("paths", []), done.get("diff", []))
    return str(done.get("blocked", ""))


def create_for(user: str, path: str) -> None:
    """Create the directories of a path that are missing where only root may change anything, for the user.

    Further down it is up to the user. Nothing is opened by a path: each directory from the one above it, and only
    root's links are followed.
    """
    if os.geteuid() != 0:
        return
    who = pwd.getpwnam(user)
    todo = _names(path)
    for _attempt in range(LINKS_FOLLOWED):
        target = _walk(who, todo)
        if not target:
            return
        todo = target


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _names(path: str) -> list[str]:
    return [name for name in os.path.normpath(path).split("/") if name]


def _walk(who: pwd.struct_passwd, names: list[str]) -> list[str]:
    """Create what is missing on the way. Returns the way to go instead if a link of root's was met."""
    with contextlib.ExitStack() as opened:
        handle = os.open("/", DIRECTORY)
        opened.callback(os.close, handle)
        for number, name in enumerate(names):
            facts = os.fstat(handle)
            if facts.st_uid != 0 or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                return []
            made = _made(name, handle)
            there = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if stat.S_ISLNK(there.st_mode):
                target = os.path.join("/", *names[:number], os.readlink(name, dir_fd=handle))
                return [*_names(target), *names[number + 1 :]]
            if not stat.S_ISDIR(there.st_mode):
                return []
            handle = os.open(name, DIRECTORY, dir_fd=handle)
            opened.callback(os.close, handle)
            if made:
                os.fchown(handle, who.pw_uid, who.pw_gid)
    return []


def _made(name: str, parent: int) -> bool:
    try:
        os.mkdir(name, 0o755, dir_fd=parent)
    except FileExistsError:
        return False
    return True
