# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit of systemd that writes the status pages, see `page_writer`, told when an operation begins and ends."""

from __future__ import annotations

import os
import subprocess

from ..process import journal

UNIT = "onehost-page.service"


def directory(stack: str, state: str = journal.DIRECTORY) -> str:
    """Where the page of a stack is. Without this directory none is wanted."""
    return os.path.join(state, stack, "page")


class PageUnit:
    """systemd on this host, which is only told and does the work itself: nobody waits for it."""

    def __init__(self) -> None:
        self._told: list[subprocess.Popen[bytes]] = []

    def renew(self, stack: str) -> None:
        """Have the pages written now. One that is being written may hold old news, so it begins again. Never raises:
        a page is no reason for an operation to fail."""
        if not os.path.isdir(directory(stack)):
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
