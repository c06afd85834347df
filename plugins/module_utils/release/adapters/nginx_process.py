# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx as it runs. A reload is a signal, and whoever sends it is told of success even if nginx then refuses the new
configuration and goes on with the old one: a port that another process has, a zone of shared memory with another key.

The first process, the master, starts new workers once it has taken a configuration, and says in its log why it has not.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence

from ..errors import OperationError
from ..hints import host_command
from ..paths import NGINX_LOG, NGINX_PID
from ..util.files import read

FIX = host_command(
    "nginx -t; tail /var/log/nginx/error.log; a restart takes what a reload cannot, and cuts open connections:"
    " systemctl restart nginx"
)
#: nginx tries five times to get a port that is taken, half a second apart.
SECONDS = 15.0
PAUSE_SECONDS = 0.01
_WORKER, _LEAVING = b"nginx: worker process", b"is shutting down"


class NginxProcess:
    """The running nginx of this host."""

    def __init__(
        self, pid_file: str = NGINX_PID, log: str = NGINX_LOG, proc: str = "/proc", seconds: float = SECONDS
    ) -> None:
        self.pid_file = pid_file
        self.log = log
        self.proc = proc
        self.seconds = seconds

    def reload(self, words: Sequence[str], what: str) -> None:
        """Have nginx load its configuration by this command, and return once it has. Raises OperationError if it does
        not: nginx then goes on as before."""
        before, said = self._workers(), self._log_size()
        run(words, what)
        deadline = time.monotonic() + self.seconds
        while not self._workers() - before:
            refusals = self._refusals(said)
            # A port may become free while nginx still tries.
            if any(" bind() to " not in line for line in refusals):
                raise OperationError(f"nginx refused {what}", "edge", _reason(refusals), FIX, log=refusals)
            if time.monotonic() > deadline:
                why = _reason(refusals) or f"it started no new worker within {self.seconds:g} s"
                raise OperationError(f"nginx did not take up {what}", "edge", why, FIX, log=refusals)
            # Between two looks: nginx tells nobody when its workers have changed, and the deadline above ends it.
            time.sleep(PAUSE_SECONDS)

    def _workers(self) -> set[str]:
        """The workers that take new connections."""
        master = _read(self.pid_file).decode().strip()
        found = set()
        for process in _read(f"{self.proc}/{master}/task/{master}/children").decode().split():
            line = _read(f"{self.proc}/{process}/cmdline")
            if line.startswith(_WORKER) and _LEAVING not in line:
                found.add(process)
        return found

    def _log_size(self) -> int:
        try:
            return os.stat(self.log).st_size
        except OSError:
            return 0

    def _refusals(self, said: int) -> list[str]:
        """What nginx has said since that stops it from taking a configuration."""
        try:
            with open(self.log, "rb") as file:
                # A log that is shorter by now is a new one.
                file.seek(said if said <= self._log_size() else 0)
                lines = file.read().decode(errors="replace").splitlines()
        except OSError:
            return []
        return [line for line in lines if " [emerg] " in line]


def run(words: Sequence[str], what: str) -> None:
    """Run a command of nginx. Raises OperationError if it fails."""
    done = subprocess.run(
        list(words), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise OperationError(f"nginx refused {what}", "edge", lines[-1] if lines else "", FIX, log=lines)


def _read(path: str) -> bytes:
    """A file of a process, which may have ended meanwhile or not have begun."""
    try:
        return read(path) or b""
    except OSError:
        return b""


def _reason(lines: Sequence[str]) -> str:
    """The cause, without the time and the process; what nginx says last is often only that it gives up."""
    causes = [line.partition(" [emerg] ")[2].partition(": ")[2] for line in lines]
    return next((cause for cause in causes if "still could not" not in cause), "")
