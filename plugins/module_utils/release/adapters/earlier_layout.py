# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving what earlier versions kept in the directory of a stack's owner to where only root can change it.

They kept history, routes and keys in directories of root's there. The owner could not write into these, but could put
others into their place. So each is moved first, out of the owner's reach, and looked at afterwards: what does not
belong to root through and through was not written by the engine and is set aside.

The engine of before goes on working with the moved files, through the links that are left in their old places.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import pwd
import stat

from ..paths import env_of, keys_of, releases_of, routes_of
from ..stack.model import ENVIRONMENTS, Stack
from ..util.as_user import run_as
from ..util.files import read, write_atomically
from ..util.trees import DIRECTORY, copy_tree, entry_facts, give_tree, is_only_of, remove_tree

REJECTED = "rejected"
MOVING = ".moving"
ROOT = 0


class EarlierLayout:
    """The files of a stack where earlier versions kept them."""

    def __init__(self, state: str, root: int = ROOT) -> None:
        self.state = state
        #: The numeric user that the engine works as; tests have no other than their own.
        self.root = root

    def move(self, stack: Stack) -> list[str]:
        """Move everything. Returns what was not written by root and was therefore set aside.

        The caller holds the stack's locks. What was interrupted is completed by the next call. Raises OSError.
        """
        os.makedirs(os.path.dirname(releases_of(stack.name, self.state)), 0o755, exist_ok=True)
        os.makedirs(env_of(stack.name, self.state), 0o700, exist_ok=True)
        self._copy_env(stack)
        rejected: list[str] = []
        keys_users = {self.root, stack.keys.user} if stack.keys else {self.root}
        owner = pwd.getpwnam(stack.owner)
        with contextlib.ExitStack() as opened:
            directory = os.open(stack.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            opened.callback(os.close, directory)
            if os.fstat(directory).st_uid != owner.pw_uid:
                # Reached through a link, perhaps, into another stack's.
                raise OSError(errno.EPERM, f"does not belong to {stack.owner}", stack.directory)
            give_tree(directory, "scripts", {self.root}, owner.pw_uid, owner.pw_gid)
            if entry_facts(directory, "config") is not None:
                config = os.open("config", DIRECTORY, dir_fd=directory)
                opened.callback(os.close, config)
                rejected += self._take(config, "keys", keys_of(stack.name, self.state), keys_users)
            rejected += self._take(directory, "nginx", routes_of(stack.name, self.state), {self.root})
            # The history last: with it the move is complete.
            rejected += self._take(directory, "releases", releases_of(stack.name, self.state), {self.root})
        return rejected

    def _copy_env(self, stack: Stack) -> None:
        """The env files belong to the owner: what they say now is what the next release would have got."""
        for layer in ("common", *ENVIRONMENTS):
            path = os.path.join(stack.directory, "config", f".env.{layer}")
            target = os.path.join(env_of(stack.name, self.state), layer)
            with contextlib.suppress(OSError):
                # Plain data comes back from the owner's process: one character for each byte.
                text = run_as(stack.owner, functools.partial(_as_text, path))
                if text and not os.path.exists(target):
                    write_atomically(target, text.encode("latin-1"), 0o600)

    def _take(self, parent: int, name: str, target: str, users: set[int]) -> list[str]:
        """Move an entry of the owner's directory to `target`. Returns where it is instead if it is not root's."""
        facts = entry_facts(parent, name)
        if os.path.isdir(target) or facts is None or stat.S_ISLNK(facts.st_mode):
            return []
        home = os.open(os.path.dirname(target), DIRECTORY)
        try:
            moving = os.path.basename(target) + MOVING
            _move(parent, name, home, moving)
            if not is_only_of(home, moving, users):
                return [_set_aside(home, moving, os.path.dirname(target), name)]
            os.rename(moving, os.path.basename(target), src_dir_fd=home, dst_dir_fd=home)
            os.fsync(home)
            # It is still there if it was copied.
            if is_only_of(parent, name, users):
                remove_tree(parent, name)
            return []
        finally:
            os.close(home)


def _as_text(path: str) -> str:
    return (read(path) or b"").decode("latin-1")


def _move(parent: int, name: str, home: int, new_name: str) -> None:
    if entry_facts(home, new_name) is not None:
        remove_tree(home, new_name)
    try:
        os.rename(name, new_name, src_dir_fd=parent, dst_dir_fd=home)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # On another file system. The copy keeps the owners, so that it can be looked at like the original.
        copy_tree(parent, name, home, new_name)


def _set_aside(home: int, name: str, path: str, was: str) -> str:
    os.makedirs(os.path.join(path, REJECTED), 0o700, exist_ok=True)
    place = os.path.join(REJECTED, f"{was}-{os.urandom(4).hex()}")
    os.rename(name, place, src_dir_fd=home, dst_dir_fd=home)
    os.fsync(home)
    return os.path.join(path, place)
