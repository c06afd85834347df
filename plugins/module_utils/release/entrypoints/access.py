# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may act on which stack. The sudo rule lets every user it names run this command as root; this module decides on
the stacks: owners may act on their own, and the ops group, root and anyone with full sudo rights on all."""

from __future__ import annotations

import grp
import json
import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import Problem, RefusedError
from ..paths import ACCESS_SETTINGS
from ..stack.model import Stack


@dataclass(frozen=True)
class Caller:
    """A user, and whether they are limited to their own stacks. Users other than root get here only through sudo, which
    sets the name itself."""

    name: str
    limited: bool
    group: str = ""

    def mine(self, stacks: Sequence[Stack]) -> list[Stack]:
        """The stacks that this user may act on. Raises RefusedError if there are stacks but none of them qualifies."""
        found = [stack for stack in stacks if not self.limited or stack.owner == self.name]
        if stacks and not found:
            self.check(stacks)
        return found

    def check(self, stacks: Sequence[Stack]) -> None:
        """Raises RefusedError unless this user may act on all of these stacks."""
        others = [stack for stack in stacks if self.limited and stack.owner != self.name]
        if others:
            names = ", ".join(stack.name for stack in others)
            owners = " and ".join(sorted({stack.owner for stack in others}))
            fix = f"ask {owners}" + (f", or anyone in the group {self.group}" if self.group else "")
            raise RefusedError([Problem(f"{self.name} may not act on {names}, which is not theirs", "sudo", fix)])


def caller(settings: str = ACCESS_SETTINGS) -> Caller:
    """Who has typed this."""
    name = os.environ.get("SUDO_USER") or "root"
    group = _group(settings)
    return Caller(name, name != "root" and not (is_member(name, group) or may_become_root(name)), group)


def _group(settings: str) -> str:
    """Without it, or where it is damaged, nobody has more than their own stacks."""
    try:
        with open(settings, encoding="utf-8") as file:
            group = json.load(file)["group"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return group if isinstance(group, str) else ""


def is_member(name: str, group: str) -> bool:
    """Group membership as of now: an old login of somebody since removed from the group does not count."""
    try:
        return bool(group) and grp.getgrnam(group).gr_gid in os.getgrouplist(name, pwd.getpwnam(name).pw_gid)
    except KeyError:
        return False


def may_become_root(name: str) -> bool:
    """Whether sudo lets this user run anything, so that a limit here would be pointless."""
    done = subprocess.run(
        ["sudo", "-n", "-l", "-U", name, "--", "/bin/sh", "-c", "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=30,
    )
    return done.returncode == 0
