# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The router: HAProxy's map of what is live, in its memory and on disk.

One entry decides the slot of every app of an environment and the release it names, see docs/architecture.md.
The file is written first: if the machine stops between the two writes, HAProxy starts with the file's content, and
recovery relies on the file too.
"""

from __future__ import annotations

import csv
import io
import os
import re
import socket
from collections.abc import Mapping

from ..errors import OperationError
from ..hints import hint, host_command
from ..paths import HAPROXY_ADMIN_SOCKET, ROUTER_MAPS
from ..releases.release import Live
from ..stack.model import EnvironmentName, Slot
from ..util.files import write_atomically

FIX = host_command("systemctl status haproxy; journalctl -u haproxy -n 50")


class HAProxy:
    """HAProxy on this host."""

    def __init__(self, admin_socket: str = HAPROXY_ADMIN_SOCKET, directory: str = ROUTER_MAPS) -> None:
        self.admin_socket = admin_socket
        self.directory = directory

    def _map(self, stack: str, environment: EnvironmentName) -> str:
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

    def live(self, stack: str, environment: EnvironmentName) -> Live | None:
        """What is live according to the file; None if nothing is, or if the environment was never provisioned."""
        try:
            with open(self._map(stack, environment), encoding="utf-8") as file:
                words = file.read().split()
        except FileNotFoundError:
            return None
        return Live.parse(words[1]) if len(words) >= 2 and words[0] == "live" else None

    def set_live(self, stack: str, environment: EnvironmentName, live: Live | None) -> None:
        """Send the traffic of all apps of an environment to one slot. Safe to repeat."""
        path = self._map(stack, environment)
        if not os.path.exists(path):
            raise OperationError(
                "the router (HAProxy) does not know this environment",
                path,
                "its map is missing",
                hint("provision"),
            )
        text = str(live) if live else "none/none"
        write_atomically(path, f"live {text}\n".encode(), mode=0o644)
        try:
            answer = self.command(f"set map {path} live {text}").strip()
        except OSError as error:
            # HAProxy is down or starting: it will read the file. Nothing is answered until then anyway.
            raise OperationError("the router (HAProxy) does not answer", self.admin_socket, str(error), FIX) from error
        # A stack of workers alone has no frontend, so HAProxy does not know its map. For any other stack, the
        # confirmation through the edge finds the mistake.
        if answer and not answer.startswith("Unknown map identifier"):
            raise OperationError("the router (HAProxy) refused the new entry", path, answer, FIX)

    # Routes that a feature flag has closed: the router answers 503 for every entry of the map.

    def _closed(self, stack: str, environment: EnvironmentName) -> str:
        return f"{self.directory}/{stack}-{environment}-off.map"

    def closed(self, stack: str, environment: EnvironmentName) -> dict[str, str]:
        """The closed routes, `<app>/<path>/`, each with its flag, according to the file."""
        try:
            with open(self._closed(stack, environment), encoding="utf-8") as file:
                pairs = [line.split() for line in file]
        except FileNotFoundError:
            return {}
        return {words[0]: words[1] for words in pairs if len(words) == 2}

    def set_closed(
        self, stack: str, environment: EnvironmentName, routes: Mapping[str, str], *, must_run: bool = True
    ) -> None:
        """Close these routes and open all others, atomically. Safe to repeat. With `must_run` false HAProxy may be down
        or not installed yet: it reads the file when it starts."""
        path = self._closed(stack, environment)
        os.makedirs(self.directory, mode=0o755, exist_ok=True)
        write_atomically(path, "".join(f"{key} {flag}\n" for key, flag in sorted(routes.items())).encode(), 0o644)
        try:
            answer = self.command(f"prepare map {path}").strip()
            if answer.startswith("Unknown map identifier"):
                # A stack of workers alone has no frontend. For any other stack HAProxy does not know the map yet, and
                # reads it once it is configured.
                return
            found = re.search(r"New version created: (\d+)", answer)
            if found is None:
                raise OperationError("the router (HAProxy) refused the closed routes", path, answer, FIX)
            for key, flag in sorted(routes.items()):
                if answer := self.command(f"add map @{found[1]} {path} {key} {flag}").strip():
                    raise OperationError("the router (HAProxy) refused a closed route", f"{path}: {key}", answer, FIX)
            if answer := self.command(f"commit map @{found[1]} {path}").strip():
                raise OperationError("the router (HAProxy) refused the closed routes", path, answer, FIX)
        except OSError as error:
            if must_run:
                raise OperationError(
                    "the router (HAProxy) does not answer", self.admin_socket, str(error), FIX
                ) from error

    def sessions(self, stack: str, environment: EnvironmentName, slot: Slot) -> dict[str, int]:
        """How many requests and WebSockets are in progress on a slot, by app."""
        prefix, suffix = f"{stack}-{environment}-", f"-{slot}"
        try:
            rows = csv.DictReader(io.StringIO(self.command("show stat -1 2 -1").lstrip("# ")))
        except OSError as error:
            raise OperationError("the router (HAProxy) does not answer", self.admin_socket, str(error), FIX) from error
        return {
            name[len(prefix) : -len(suffix)]: int(row["scur"] or 0)
            for row in rows
            if row["svname"] == "BACKEND" and (name := row["pxname"]).startswith(prefix) and name.endswith(suffix)
        }
