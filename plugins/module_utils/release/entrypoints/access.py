# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may act on which stack. The sudo rule lets everybody whom it names run this command as root; here is decided for
which stacks: owners for their own, the group of ops for all, as may root and those who may become root anyway."""

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
    """A person, and whether their stacks alone are theirs to act on. Only sudo, which sets the name itself, brings
    anybody but root here."""

    name: str
    limited: bool
    group: str = ""

    def mine(self, stacks: Sequence[Stack]) -> list[Stack]:
        """Those that this person may act on. Raises RefusedError where there are none of all there are."""
        found = [stack for stack in stacks if not self.limited or stack.owner == self.name]
        if stacks and not found:
            self.check(stacks)
        return found

    def check(self, stacks: Sequence[Stack]) -> None:
        """May this person act on all of these? Raises RefusedError."""
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
    try:
        with open(settings, encoding="utf-8") as file:
            return str(json.load(file)["group"])
    except FileNotFoundError:
        return ""


def is_member(name: str, group: str) -> bool:
    """As the host knows it today: a login from before somebody was taken out of the group counts for nothing."""
    try:
        return bool(group) and grp.getgrnam(group).gr_gid in os.getgrouplist(name, pwd.getpwnam(name).pw_gid)
    except KeyError:
        return False


def may_become_root(name: str) -> bool:
    """Whether sudo lets this user run anything, so that a limit here would be none."""
    done = subprocess.run(
        ["sudo", "-n", "-l", "-U", name, "--", "/bin/sh", "-c", "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=30,
    )
    return done.returncode == 0
