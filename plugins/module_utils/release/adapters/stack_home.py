# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a stack lives on the host: root's own directories, and links to them in the directory that its owner knows."""

from __future__ import annotations

import os
import stat
from typing import Any

from ..paths import STATE, env_of, keys_of, releases_of, routes_of
from ..stack.model import Stack
from ..stack.place import Place, Provided
from ..util import stack_places
from ..util.as_user import run_as
from .earlier_layout import EarlierLayout


class StackHome:
    """The directories of stacks."""

    def __init__(self, state: str = STATE) -> None:
        self.state = state

    def is_there(self, stack: str) -> bool:
        """Whether the history is where this engine keeps it."""
        return stack_places.is_there(stack, self.state)

    def move_earlier(self, stack: Stack) -> list[str]:
        """Move what an earlier version kept in the owner's directory. Returns what was set aside. Raises OSError."""
        set_aside = EarlierLayout(self.state).move(stack)
        self.provide(Place(stack.name, stack.directory, stack.owner))
        return set_aside

    def directories(self, stack: str) -> list[tuple[str, int]]:
        """Root's own directories with their modes, the history last."""
        return [
            (os.path.join(self.state, stack), 0o755),
            (env_of(stack, self.state), 0o700),
            (routes_of(stack, self.state), 0o755),
            (os.path.join(routes_of(stack, self.state), "live"), 0o755),
            (releases_of(stack, self.state), 0o755),
        ]

    def links(self, place: Place) -> dict[str, str]:
        """Where each link in the owner's directory leads."""
        targets = {
            "releases": releases_of(place.stack, self.state),
            "nginx": routes_of(place.stack, self.state),
            "config/keys": keys_of(place.stack, self.state),
        }
        return {os.path.join(place.directory, name): target for name, target in targets.items()}

    def provide(self, place: Place, *, write: bool = True) -> Provided:
        """Make the directories and links that are missing. Returns what changed, and what is in the way."""
        changed = [path for path, mode in self.directories(place.stack) if _make(path, mode, write=write)]
        try:
            linked, blocked = run_as(place.owner, lambda: self._link(place, write=write))
        except OSError as error:
            linked, blocked = [], [f"{error.filename or place.directory}: {error.strerror}"]
        return Provided(changed + linked, blocked)

    def _link(self, place: Place, *, write: bool) -> tuple[list[str], list[str]]:
        changed, blocked = [], []
        for path, mode in ((place.directory, 0o755), (os.path.join(place.directory, "config"), 0o750)):
            if _make(path, mode, write=write):
                changed.append(path)
        for path, target in self.links(place).items():
            there = os.readlink(path) if os.path.islink(path) else ""
            if there == target:
                continue
            if os.path.lexists(path) and not there:
                blocked.append(f"{path} is no link to {target}")
                continue
            changed.append(path)
            if write:
                partial = f"{path}.{os.urandom(4).hex()}.partial"
                os.symlink(target, partial)
                os.replace(partial, path)
        return changed, blocked


def _make(path: str, mode: int, *, write: bool) -> bool:
    """Create a directory, or correct its mode. Returns whether that is a change."""
    facts: Any = os.stat(path) if os.path.isdir(path) else None
    if facts is not None and stat.S_IMODE(facts.st_mode) == mode:
        return False
    if write:
        if facts is None:
            os.mkdir(path, 0o700)
        os.chmod(path, mode)
    return True
