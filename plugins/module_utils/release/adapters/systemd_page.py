# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status pages' directories, and the systemd unit that writes the pages.

The role `status_page` creates a stack's directory, readable by the edge's group; files in it get that group.
"""

from __future__ import annotations

import os
import subprocess

from ..paths import STATE
from ..util.files import write_atomically

UNIT = "onehost-page.service"
#: Readable by the edge's group only.
MODE = 0o640


class PageUnit:
    """Asks systemd to regenerate the page; fire and forget."""

    def __init__(self, state: str = STATE) -> None:
        self.state = state
        self._told: list[subprocess.Popen[bytes]] = []

    def directory(self, stack: str) -> str:
        """Where the page of a stack is. If this directory is missing, the stack has no page."""
        return os.path.join(self.state, stack, "page")

    def is_wanted(self, stack: str) -> bool:
        return os.path.isdir(self.directory(stack))

    def write(self, stack: str, name: str, data: bytes) -> None:
        """Write one file to where the edge finds it."""
        write_atomically(os.path.join(self.directory(stack), name), data, MODE)

    def renew(self, stack: str) -> None:
        """Have the pages written now. A run already under way is restarted, as its data may be out of date. Never
        raises: a page is no reason for an operation to fail."""
        if not self.is_wanted(stack):
            return
        command = ["systemctl", "--no-block", "restart", UNIT]
        try:
            told = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Not killed along with an interrupted operation, by Ctrl-C for one.
                start_new_session=True,
            )
        except OSError:
            return  # the timer writes it within a minute
        self._told = [other for other in self._told if other.poll() is None] + [told]
