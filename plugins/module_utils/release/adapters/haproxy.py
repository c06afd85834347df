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
import subprocess
from collections.abc import Iterable, Mapping, Sequence

from ..errors import OperationError, Problem
from ..hints import hint, host_command
from ..paths import HAPROXY_ADMIN_SOCKET, ROUTER_MAPS
from ..planning.witnesses import Word
from ..releases.reach import Reach, map_entries
from ..releases.release import Live
from ..stack.model import SLOTS, EnvironmentName, Slot
from ..util.files import read, write_atomically
from . import haproxy_replicas as replicas

FIX = host_command("systemctl status haproxy; journalctl -u haproxy -n 50")
START = host_command("sudo systemctl restart haproxy; journalctl -u haproxy -n 50")
#: A line of commands is limited, by the size of HAProxy's buffers.
COMMANDS_AT_ONCE = 32
#: The map's value while nothing is live.
NOTHING = "none/none"


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

    def version(self) -> str:
        """Of the program that is installed, for example 3.0; empty if there is none."""
        try:
            done = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=False, timeout=10)
        except OSError:
            return ""
        found = re.search(r"version (\d+\.\d+)", done.stdout)
        return found[1] if found else ""

    def live(self, stack: str, environment: EnvironmentName) -> Live | None:
        """What is live according to the file; None if nothing is, or if the file cannot be understood."""
        return self.file(stack, environment).live

    def file(self, stack: str, environment: EnvironmentName) -> Word:
        """What the file says, or why it says nothing."""
        path = self._map(stack, environment)
        try:
            data = read(path)
        except OSError as error:
            return Word(trouble=f"{path} cannot be read: {error.strerror}")
        if data is None:
            return Word(trouble=f"{path} is missing")
        if not data.strip():
            return Word(trouble=f"{path} is empty")
        return _word(data.decode(errors="replace").splitlines(), path)

    def problem(self) -> Problem | None:
        """Why nothing can be switched now."""
        try:
            self.command("show info")
        except OSError as error:
            return Problem(f"the router (HAProxy) does not answer: {error.strerror or error}", self.admin_socket, START)
        return None

    def memory(self, stack: str, environment: EnvironmentName) -> Word | None:
        """What HAProxy does: its memory decides. None if it has no such map, as for a stack of workers alone, or if it
        does not answer: then it has no memory."""
        path = self._map(stack, environment)
        try:
            answer = self.command(f"show map {path}")
        except OSError:
            return None
        if answer.startswith("Unknown map identifier"):
            return None
        # Each line begins with the entry's address.
        entries = [line.partition(" ")[2] for line in answer.splitlines() if line.strip()]
        return _word(entries, "its map") if entries else Word(trouble="has an empty map")

    def set_live(self, stack: str, environment: EnvironmentName, live: Live | None) -> None:
        """Send the traffic of all apps of an environment to one slot. Safe to repeat."""
        path = self._map(stack, environment)
        if not os.path.exists(path) and not self._knows(path):
            raise OperationError(
                "the router (HAProxy) does not know this environment",
                path,
                "its map is missing",
                hint("provision"),
            )
        self.write_file(stack, environment, live)
        text = _text(live)
        try:
            answer = self.command(f"set map {path} live {text}").strip()
            if answer.startswith("entry not found"):
                # HAProxy was started with an empty file.
                answer = self.command(f"add map {path} live {text}").strip()
        except OSError as error:
            # HAProxy is down or starting: it will read the file. Nothing is answered until then anyway.
            raise OperationError("the router (HAProxy) does not answer", self.admin_socket, str(error), FIX) from error
        # A stack of workers alone has no frontend, so HAProxy does not know its map. For any other stack, the
        # confirmation through the edge finds the mistake.
        if answer and not answer.startswith("Unknown map identifier"):
            raise OperationError("the router (HAProxy) refused the new entry", path, answer, FIX)

    def write_file(self, stack: str, environment: EnvironmentName, live: Live | None) -> None:
        """Write the file alone, for an HAProxy that is yet to start: without it, it does not."""
        os.makedirs(self.directory, mode=0o755, exist_ok=True)
        if os.path.isdir(self._map(stack, environment)):
            os.rmdir(self._map(stack, environment))  # made by whoever mounted a path that was missing
        write_atomically(self._map(stack, environment), f"live {_text(live)}\n".encode(), mode=0o644)

    def _knows(self, path: str) -> bool:
        try:
            return not self.command(f"show map {path}").startswith("Unknown map identifier")
        except OSError:
            return True  # it reads the file when it starts

    # Routes that a feature flag has closed: the router answers 503 for every entry of the map.

    def _closed(self, stack: str, environment: EnvironmentName) -> str:
        return f"{self.directory}/{stack}-{environment}-off.map"

    def lacks_closed(self, stack: str, environment: EnvironmentName) -> bool:
        """Whether the file of closed routes is missing, without which HAProxy does not start. It may be empty."""
        return not os.path.isfile(self._closed(stack, environment))

    def closed(self, stack: str, environment: EnvironmentName) -> dict[str, str]:
        """The closed routes, `<app>/<path>/`, each with its flag, according to the file."""
        return self._entries(self._closed(stack, environment))

    def set_closed(
        self, stack: str, environment: EnvironmentName, routes: Mapping[str, str], *, must_run: bool = True
    ) -> None:
        """Close these routes and open all others, atomically. Safe to repeat. With `must_run` false HAProxy may be down
        or not installed yet: it reads the file when it starts."""
        path = self._closed(stack, environment)
        self._write(path, routes)
        try:
            self._load(path, routes, "the closed routes")
        except OSError as error:
            if must_run:
                raise OperationError(
                    "the router (HAProxy) does not answer", self.admin_socket, str(error), FIX
                ) from error

    # By what the apps in each slot are reached: it belongs to the release there, see `releases.reach`.

    def _reach(self, stack: str, environment: EnvironmentName) -> str:
        return f"{self.directory}/{stack}-{environment}-reach.map"

    def reach(self, stack: str, environment: EnvironmentName) -> dict[Slot, dict[str, Reach]]:
        """According to the file; entries that are none are left out."""
        found: dict[Slot, dict[str, Reach]] = {}
        for key, value in self._entries(self._reach(stack, environment)).items():
            app, _separator, name = key.partition("/")
            slot, at = next((slot for slot in SLOTS if slot == name), None), Reach.parse(value)
            if slot and at:
                found.setdefault(slot, {})[app] = at
        return found

    def set_reach(self, stack: str, environment: EnvironmentName, slots: Mapping[Slot, Mapping[str, Reach]]) -> None:
        """Reach the apps of an environment so from now on. Safe to repeat."""
        entries = map_entries(slots)
        path = self._reach(stack, environment)
        before = (read(self._states(stack, environment)) or b"").decode(errors="replace")
        self.write_reach(stack, environment, slots)
        try:
            # First the servers: the map sends requests to them.
            self._command_all(replicas.commands(stack, environment, slots, before))
            self._load(path, entries, "the ports of the release")
        except OSError as error:
            raise OperationError("the router (HAProxy) does not answer", self.admin_socket, str(error), FIX) from error

    def write_reach(self, stack: str, environment: EnvironmentName, slots: Mapping[Slot, Mapping[str, Reach]]) -> None:
        """Only the files, which HAProxy reads when it starts."""
        self._write(self._reach(stack, environment), map_entries(slots))
        states = replicas.states(stack, environment, slots).encode()
        if read(self._states(stack, environment)) != states:
            write_atomically(self._states(stack, environment), states, 0o644)

    def lacks_reach(self, stack: str, environment: EnvironmentName) -> bool:
        """Whether a file is missing, without which HAProxy does not start, or warns. The map may be empty."""
        files = (self._reach(stack, environment), self._states(stack, environment))
        return not all(os.path.isfile(path) for path in files)

    # Apps that have several containers, see `haproxy_replicas`.

    def _states(self, stack: str, environment: EnvironmentName) -> str:
        return f"{self.directory}/{stack}-{environment}-servers.state"

    def knows_replicas(self, stack: str, environment: EnvironmentName, app: str) -> bool:
        """Whether HAProxy has a place for several containers of an app. It has, since it was configured by a version of
        the collection that knows of them."""
        name = replicas.backend(stack, environment, app, SLOTS[0])
        try:
            return not self.command(f"show servers state {name}").strip().startswith("Can't find backend")
        except OSError as error:
            raise OperationError("the router (HAProxy) does not answer", self.admin_socket, str(error), FIX) from error

    def trust_replicas(self, stack: str, environment: EnvironmentName, slot: Slot, counts: Mapping[str, int]) -> None:
        """These were found healthy just now: use them as soon as requests come."""
        try:
            self._command_all(replicas.trusting(stack, environment, slot, counts))
        except OSError as error:
            raise OperationError("the router (HAProxy) does not answer", self.admin_socket, str(error), FIX) from error

    def replica_sessions(self, stack: str, environment: EnvironmentName, slot: Slot, app: str) -> dict[int, int]:
        """How many requests and WebSockets are in progress on each replica of an app."""
        try:
            return replicas.sessions(self.command("show stat -1 4 -1"), stack, environment, slot, app)
        except OSError as error:
            raise OperationError("the router (HAProxy) does not answer", self.admin_socket, str(error), FIX) from error

    def _command_all(self, commands: Sequence[str]) -> None:
        """Many commands as one line, which HAProxy answers as a whole. It may not have these servers yet: then it takes
        their states from the file, once it is configured."""
        for begin in range(0, len(commands), COMMANDS_AT_ONCE):
            answer = self.command("; ".join(commands[begin : begin + COMMANDS_AT_ONCE]))
            if refused := [line for line in answer.splitlines() if line.strip() and not line.startswith("No such")]:
                what = "the router (HAProxy) refused to change its servers"
                raise OperationError(what, self.admin_socket, "; ".join(refused), FIX)

    @staticmethod
    def _entries(path: str) -> dict[str, str]:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                pairs = [line.split() for line in file]
        except OSError:
            return {}
        return {words[0]: words[1] for words in pairs if len(words) == 2}

    def _write(self, path: str, entries: Mapping[str, str]) -> None:
        os.makedirs(self.directory, mode=0o755, exist_ok=True)
        write_atomically(path, "".join(f"{key} {value}\n" for key, value in sorted(entries.items())).encode(), 0o644)

    def _load(self, path: str, entries: Mapping[str, str], what: str) -> None:
        """Give a map in HAProxy's memory these entries and no others, atomically. Raises OSError if HAProxy does not
        answer; it reads the file when it starts."""
        answer = self.command(f"prepare map {path}").strip()
        if answer.startswith("Unknown map identifier"):
            # A stack of workers alone has no frontend. For any other stack HAProxy does not know the map yet, and
            # reads it once it is configured.
            return
        found = re.search(r"New version created: (\d+)", answer)
        if found is None:
            raise OperationError(f"the router (HAProxy) refused {what}", path, answer, FIX)
        for key, value in sorted(entries.items()):
            if answer := self.command(f"add map @{found[1]} {path} {key} {value}").strip():
                raise OperationError(f"the router (HAProxy) refused {what}", f"{path}: {key}", answer, FIX)
        if answer := self.command(f"commit map @{found[1]} {path}").strip():
            raise OperationError(f"the router (HAProxy) refused {what}", path, answer, FIX)

    def sessions(self, stack: str, environment: EnvironmentName, slot: Slot) -> dict[str, int]:
        """How many requests and WebSockets are in progress on a slot, by app."""
        prefix, suffix = f"{stack}-{environment}-", f"-{slot}"
        try:
            rows = csv.DictReader(io.StringIO(self.command("show stat -1 2 -1").lstrip("# ")))
        except OSError as error:
            raise OperationError("the router (HAProxy) does not answer", self.admin_socket, str(error), FIX) from error
        found: dict[str, int] = {}
        for row in rows:
            name = row["pxname"].removesuffix(replicas.SUFFIX)
            if row["svname"] == "BACKEND" and name.startswith(prefix) and name.endswith(suffix):
                app = name[len(prefix) : -len(suffix)]
                found[app] = found.get(app, 0) + int(row["scur"] or 0)
        return found


def _text(live: Live | None) -> str:
    return str(live) if live else NOTHING


def _word(entries: Iterable[str], where: str) -> Word:
    """What the entries of a map say; there is to be one, `live`."""
    said = [value.strip() for key, _separator, value in (entry.partition(" ") for entry in entries) if key == "live"]
    if len(set(said)) == 1 and said[0] == NOTHING:
        return Word()
    live = Live.parse(said[0]) if len(set(said)) == 1 else None
    return Word(live) if live else Word(trouble=f"cannot be understood: {where} names no slot")
