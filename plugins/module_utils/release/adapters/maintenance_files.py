# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a maintenance: its record, the router's two maps of it, and the timer of its end.

The first map says what is closed until when, the second which networks are let through. HAProxy looks both up for each
request and compares the time itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from ..errors import OperationError, Problem, RefusedError
from ..hints import hint, host_command
from ..paths import HAPROXY_ADMIN_SOCKET, ROUTER_MAPS, STATE
from ..stack.maintenance import Maintenance, trouble_with
from ..stack.model import EnvironmentName
from ..util.files import as_json, write_atomically
from . import own_files, systemd_timers
from .haproxy import FIX, START, HAProxy

#: The key of a record.
CLOSED = "closed"


class _Maps(HAProxy):
    """Whole maps of HAProxy, by the paths of their files."""

    def knows(self, path: str) -> bool:
        """Raises OSError if HAProxy does not answer."""
        return not self.command(f"show map {path}").startswith("Unknown map identifier")

    def entries(self, path: str) -> dict[str, str]:
        return self._entries(path)

    def replace(self, entries: Mapping[str, Mapping[str, str]], *, must_run: bool) -> None:
        """All files first: if HAProxy is down, it reads them when it starts."""
        for path, its in entries.items():
            self._write(path, its)
        try:
            for path, its in entries.items():
                self._load(path, its, "the maintenance")
        except OSError as error:
            if must_run:
                raise OperationError(
                    "the router (HAProxy) does not answer", self.admin_socket, str(error), FIX
                ) from error


class MaintenanceFiles:
    """Below the directory of the engine's state, and in HAProxy."""

    def __init__(self, state: str = STATE, admin_socket: str = HAPROXY_ADMIN_SOCKET, switch: str = ROUTER_MAPS) -> None:
        self.state = state
        self._switch = switch
        self._router = _Maps(admin_socket, switch)

    def _record(self, stack: str, environment: EnvironmentName) -> str:
        return os.path.join(self.state, stack, f"maintenance-{environment}.json")

    def recorded(self, stack: str, environment: EnvironmentName) -> list[Maintenance]:
        """What is closed, and what was until its time was over. Raises RefusedError if that cannot be read."""
        path = self._record(stack, environment)
        data, trouble = own_files.load(path)
        try:
            found = [Maintenance.read(item) for item in ({CLOSED: []} if data is None else data)[CLOSED]]
        except (ValueError, KeyError, TypeError) as error:
            found, trouble = [], f"is damaged: {error}"
        if trouble:
            again = hint("maintenance", where=environment, state="off")
            raise RefusedError([Problem(trouble, path, f"{host_command(f'sudo rm {path}')}, then {again}")])
        return found

    def record(self, stack: str, environment: EnvironmentName, found: Sequence[Maintenance]) -> None:
        path = self._record(stack, environment)
        if found or os.path.lexists(path):
            write_atomically(path, as_json({CLOSED: [one.to_json() for one in found]}), 0o644)

    def _paths(self, stack: str, environment: EnvironmentName) -> tuple[str, str]:
        base = f"{self._switch}/{stack}-{environment}"
        return f"{base}-maintenance.map", f"{base}-allowed.map"

    def problem(self, stack: str, environment: EnvironmentName) -> Problem | None:
        """Why nothing can be closed: HAProxy does not answer, or was set up before there was maintenance."""
        closed, allowed = self._paths(stack, environment)
        try:
            if self._router.knows(closed) and self._router.knows(allowed):
                return None
        except OSError as error:
            what = f"the router (HAProxy) does not answer: {error.strerror or error}"
            return Problem(what, self._router.admin_socket, START)
        what = "the router (HAProxy) was set up before it knew maintenance, so nothing would be closed"
        return Problem(what, closed, hint("provision"))

    def lacks_maps(self, stack: str, environment: EnvironmentName) -> bool:
        """Whether a file is missing, without which HAProxy does not start, or damaged so that it does not. They may be
        empty."""
        closed, allowed = self._paths(stack, environment)
        return not (os.path.isfile(closed) and os.path.isfile(allowed) and _are_networks(allowed))

    def maps(self, stack: str, environment: EnvironmentName) -> tuple[dict[str, str], dict[str, str]]:
        """What the files say is closed, and for whom it is not."""
        closed, allowed = self._paths(stack, environment)
        return self._router.entries(closed), self._router.entries(allowed)

    def set_maps(
        self,
        stack: str,
        environment: EnvironmentName,
        closed: Mapping[str, str],
        allowed: Mapping[str, str],
        *,
        must_run: bool = True,
    ) -> None:
        """Close this and nothing else. Safe to repeat. With `must_run` false HAProxy may be down or not installed."""
        first, second = self._paths(stack, environment)
        # Whom to let through comes first, so that nobody of them is turned away for a moment.
        self._router.replace({second: allowed, first: closed}, must_run=must_run)

    def arm(self, stack: str, environment: EnvironmentName, seconds: float) -> None:
        """Run `onehost end-maintenance` after this many seconds."""
        systemd_timers.arm_maintenance(stack, environment, seconds)

    def disarm(self, stack: str, environment: EnvironmentName) -> None:
        systemd_timers.disarm_maintenance(stack, environment)


def _are_networks(path: str) -> bool:
    """Whether HAProxy takes each line: a network and a number."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.split() for line in file]
    except OSError:
        return False
    return all(len(words) == 2 and words[1].isdecimal() and not trouble_with(words[0]) for words in lines)
