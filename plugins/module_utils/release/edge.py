# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge's part of a stack: which routes nginx has now, and which the inventory wants.

provision.yml writes what is wanted to `nginx/<environment>.conf`; what nginx reads is `nginx/live/<environment>.conf`.
The routes travel with a release, so a promote brings new ones and a rollback the old ones; when they are the same,
which is nearly always, nginx is left alone.
"""

from __future__ import annotations

import os
import subprocess

from .errors import OperationFailed
from .files import write_atomically
from .stack import Stack

MEND = "nginx -t; systemctl status nginx"


class Edge:
    """nginx on this host."""

    def _path(self, stack: Stack, environment: str, *, live: bool) -> str:
        return os.path.join(stack.directory, "nginx", *(["live"] if live else []), f"{environment}.conf")

    def wanted(self, stack: Stack, environment: str) -> bytes | None:
        """The routes as provisioned; None when provision.yml never ran."""
        return self._read(self._path(stack, environment, live=False))

    def live(self, stack: Stack, environment: str) -> bytes | None:
        """The routes that nginx has."""
        return self._read(self._path(stack, environment, live=True))

    def set_live(self, stack: Stack, environment: str, routes: bytes) -> None:
        """Give nginx these routes, if it has others. A configuration that nginx refuses is taken back at once."""
        path, before = self._path(stack, environment, live=True), self.live(stack, environment)
        # It outlives a kill between the file and the reload, so that the reload is made up for.
        pending = f"{path}.pending"
        if before == routes and not os.path.exists(pending):
            return
        write_atomically(pending, b"", 0o644)
        write_atomically(path, routes, 0o644)
        try:
            self._nginx("-t", "-q")
        except OperationFailed:
            if before is not None:
                write_atomically(path, before, 0o644)
            os.remove(pending)
            raise
        self._nginx("-s", "reload")
        os.remove(pending)

    @staticmethod
    def _read(path: str) -> bytes | None:
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    @staticmethod
    def _nginx(*arguments: str) -> None:
        done = subprocess.run(
            ["nginx", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines()
            raise OperationFailed(
                "nginx refused the routes of the release", "edge", lines[-1] if lines else "", MEND, log=lines
            )
