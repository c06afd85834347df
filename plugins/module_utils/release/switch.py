# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch: HAProxy's map of what is live, in its memory and on disk.

One entry decides the slot of every app of an environment and the release it names, see docs/architecture.md.
The file is written first: should the machine stop between the two, HAProxy starts with what the file says, and the
engine's recovery goes by the file too.
"""

from __future__ import annotations

import csv
import io
import os
import socket

from .errors import OperationFailed
from .files import write_atomically
from .release import Live

ADMIN_SOCKET = "/run/haproxy/admin.sock"
DIRECTORY = "/var/lib/onehost/switch"
MEND = "systemctl status haproxy; journalctl -u haproxy -n 50"


class Switch:
    """HAProxy on this host."""

    def __init__(self, admin_socket: str = ADMIN_SOCKET, directory: str = DIRECTORY) -> None:
        self.admin_socket = admin_socket
        self.directory = directory

    def _map(self, stack: str, environment: str) -> str:
        return f"{self.directory}/{stack}-{environment}.map"

    def command(self, text: str) -> str:
        """Send one line to the runtime socket and return the whole answer. Raises OSError."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(self.admin_socket)
            connection.sendall(text.encode() + b"\n")
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts).decode()

    def live(self, stack: str, environment: str) -> Live | None:
        """What the file says is live; None when nothing is, or the environment was never provisioned."""
        try:
            with open(self._map(stack, environment), encoding="utf-8") as file:
                words = file.read().split()
        except FileNotFoundError:
            return None
        return Live.parse(words[1]) if len(words) >= 2 and words[0] == "live" else None

    def set_live(self, stack: str, environment: str, live: Live | None) -> None:
        """Send all apps of an environment to one slot. Safe to repeat."""
        path = self._map(stack, environment)
        if not os.path.exists(path):
            raise OperationFailed(
                "the switch does not know this environment",
                path,
                "its map is missing",
                "ansible-playbook playbooks/provision.yml",
            )
        text = str(live) if live else "none/none"
        write_atomically(path, f"live {text}\n".encode(), mode=0o644)
        try:
            answer = self.command(f"set map {path} live {text}").strip()
        except OSError as error:
            # HAProxy is down or starting: it will read the file. Nothing is answered until then anyway.
            raise OperationFailed("the switch does not answer", self.admin_socket, str(error), MEND) from error
        # A stack of workers alone has no frontend, so HAProxy has no use for its map. For any other stack the
        # confirmation through the edge tells.
        if answer and not answer.startswith("Unknown map identifier"):
            raise OperationFailed("the switch refused the new entry", path, answer, MEND)

    def sessions(self, stack: str, environment: str, slot: str) -> dict[str, int]:
        """How many requests and WebSockets are in progress on a slot, by app."""
        prefix, suffix = f"{stack}-{environment}-", f"-{slot}"
        try:
            rows = csv.DictReader(io.StringIO(self.command("show stat -1 2 -1").lstrip("# ")))
        except OSError as error:
            raise OperationFailed("the switch does not answer", self.admin_socket, str(error), MEND) from error
        return {
            name[len(prefix) : -len(suffix)]: int(row["scur"] or 0)
            for row in rows
            if row["svname"] == "BACKEND" and (name := row["pxname"]).startswith(prefix) and name.endswith(suffix)
        }
