# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status pages' directories, and the unit of systemd that has the pages written.

The role `status_page` makes a stack's directory, which the edge's group may read; files in it get that group.
"""

from __future__ import annotations

import os
import subprocess

from ..paths import STATE
from ..util.files import write_atomically

UNIT = "onehost-page.service"
#: Read by the edge's group alone.
MODE = 0o640


class PageUnit:
    """systemd on this host, which is only told and does the work itself: nobody waits for it."""

    def __init__(self, state: str = STATE) -> None:
        self.state = state
        self._told: list[subprocess.Popen[bytes]] = []

    def directory(self, stack: str) -> str:
        """Where the page of a stack is. Without this directory none is wanted."""
        return os.path.join(self.state, stack, "page")

    def is_wanted(self, stack: str) -> bool:
        return os.path.isdir(self.directory(stack))

    def write(self, stack: str, name: str, data: bytes) -> None:
        """Put one file where the edge finds it."""
        write_atomically(os.path.join(self.directory(stack), name), data, MODE)

    def renew(self, stack: str) -> None:
        """Have the pages written now. One that is being written may hold old news, so it begins again. Never raises:
        a page is no reason for an operation to fail."""
        if not self.is_wanted(stack):
            return
        command = ["systemctl", "--no-block", "restart", UNIT]
        try:
            told = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # An operation that is broken off, by Ctrl-C for one, still has its page written.
                start_new_session=True,
            )
        except OSError:
            return  # the timer's turn comes within the minute
        self._told = [other for other in self._told if other.poll() is None] + [told]
