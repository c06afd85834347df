# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a stack lives, and the directory that its owner knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from release.stack.model import Stack
from release.stack.place import Place, Provided


@dataclass
class FakeHome:
    """The directories of stacks; those in `elsewhere` are where an earlier version kept them."""

    elsewhere: set[str] = field(default_factory=set)
    #: What moving a stack finds that root did not write, or why it fails.
    set_aside: list[str] = field(default_factory=list)
    fails: OSError | None = None

    def is_there(self, stack: str) -> bool:
        return stack not in self.elsewhere

    def provide(self, place: Place, *, write: bool = True) -> Provided:
        return Provided([], [])

    def move_earlier(self, stack: Stack) -> list[str]:
        if self.fails:
            raise self.fails
        self.elsewhere.discard(stack.name)
        return self.set_aside


@dataclass
class FakeDirectory:
    """What people see."""

    env_files: dict[str, bytes] = field(default_factory=dict)

    def replace_env_files(self, stack: Stack, files: Mapping[str, bytes], *, write: bool = True) -> list[str]:
        changed = sorted(name for name in {*files, *self.env_files} if files.get(name) != self.env_files.get(name))
        if write:
            self.env_files = dict(files)
        return changed
