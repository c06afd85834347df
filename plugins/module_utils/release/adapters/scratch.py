# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scratch clusters on this host: a directory of postgres' own and a transient unit for each, and nothing else.

The unit goes with a reboot, the directory is found by its place. So whoever was killed has left nothing that a later
`remove` does not find.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import time
from collections.abc import Callable

from ..errors import OperationError
from ..hints import hint, host_command
from ..planning.databases import scratch_files
from ..planning.databases.clusters import FIRST_PORT, LAST_PORT
from ..releases.scratch import Scratch, ScratchWanted
from . import scratch_trials, write_out
from .postgresql import Postgresql, as_postgres, run, sql

HOME = "/var/lib/postgresql"
#: Below the home of postgres, whose disk the clusters take too.
PLACE = f"{HOME}/onehost-scratch"
SOCKETS = "/var/run/postgresql"
POLL_SECONDS = 0.1
#: A copy is taken at this pace, so that whoever reads from the same disk is not kept waiting.
COPY_RATE = "64M"
COPY_SECONDS = 3600


class ScratchClusters(scratch_trials.Trials):
    """Copies on this host."""

    def __init__(self, postgresql: Postgresql | None = None) -> None:
        self._postgresql = postgresql or Postgresql()

    def found(self) -> list[str]:
        """The names of all that are there, whether they run or not."""
        if not os.path.isdir(PLACE):
            return []
        return sorted(as_postgres(["ls", "-1", PLACE]).splitlines())

    def running(self, name: str) -> Scratch | None:
        """One that runs, by its name."""
        if name not in self.found() or not _is_up(name):
            return None
        place = f"{PLACE}/{name}"
        version, port = as_postgres(["cat", f"{place}/data/PG_VERSION", f"{place}/port"]).split()
        return Scratch(name, version, int(port), f"{place}/data", SOCKETS)

    def make(self, wanted: ScratchWanted, fill: Callable[[str], None]) -> Scratch:
        """Make a copy and wait until it answers. `fill` puts the data into an empty directory. What fails leaves
        nothing. Raises OperationError."""
        self.remove(wanted.name)
        free = _free_bytes()
        if free < wanted.needed_bytes:
            what = f"{wanted.needed_bytes / 1e9:.1f} GB are wanted, {free / 1e9:.1f} GB are free"
            raise OperationError("there is no room for a copy", f"copy {wanted.name}", what, hint("cleanup"))
        place = f"{PLACE}/{wanted.name}"
        try:
            as_postgres(["mkdir", "-p", "-m", "0700", PLACE, place, f"{place}/data", f"{place}/log"])
            fill(f"{place}/data")
            port = self._port()
            known = _control(wanted.version, f"{place}/data")
            texts = scratch_files.texts(wanted, place, port, SOCKETS, known)
            for name, text in texts.items():
                as_postgres(["sh", "-c", 'umask 077; cat >"$0"', f"{place}/{name}"], text)
            if wanted.address:
                run(["nft", "--file", "-"], scratch_files.guard(port, wanted.block))
            self._start(wanted, place)
            made = Scratch(wanted.name, wanted.version, port, f"{place}/data", SOCKETS)
            _wait_until_open(made, wanted.seconds)
            if wanted.address:
                # Containers come and go beside it, and with each that goes the whole file system is synced.
                as_postgres(["python3", "-IS", "-", place], inspect.getsource(write_out), COPY_SECONDS, low=True)
        except BaseException:
            self.remove(wanted.name)
            raise
        return made

    @staticmethod
    def _start(wanted: ScratchWanted, place: str) -> None:
        try:
            run(scratch_files.start(wanted, place), seconds=int(wanted.seconds))
        except OperationError as error:
            # systemd says no more than that it failed.
            words = ["sh", "-c", 'test ! -f "$0" || tail --bytes=20000 "$0"', f"{place}/log/server.csv"]
            why = scratch_trials.fatal_of(as_postgres(words)) or error.cause
            fix = host_command(f"journalctl --unit {scratch_files.unit(wanted.name)}")
            raise OperationError("did not start", f"copy {wanted.name}", why, fix) from error

    def remove(self, name: str) -> None:
        """End it and remove all of it, however far it came. Can be repeated."""
        unit = scratch_files.unit(name)
        # It may end by itself meanwhile, and one that failed is known until it is told to be forgotten. So what counts
        # is what there is afterwards.
        for word in ("stop", "reset-failed") if _is_known(unit) else ():
            _succeeds("systemctl", word, unit)
        if _is_up(name):
            raise OperationError(
                "does not stop", f"copy {name}", "it runs on", host_command(f"systemctl status {unit}")
            )
        if name in self.found():
            place = f"{PLACE}/{name}"
            port = as_postgres(["sh", "-c", 'test ! -f "$0" || cat "$0"', f"{place}/port"])
            if port.isdigit():
                run(["nft", "--file", "-"], scratch_files.no_guard(int(port)))
            as_postgres(["rm", "-rf", "--", place], "", COPY_SECONDS)

    def copy(self, port: int) -> Callable[[str], None]:
        """What fills a copy from a cluster that runs, at a pace that it bears."""

        def fill(directory: str) -> None:
            words = ["pg_basebackup", f"--port={port}", "--pgdata", directory, "--wal-method=stream", "--no-sync"]
            as_postgres([*words, "--checkpoint=fast", f"--max-rate={COPY_RATE}"], "", COPY_SECONDS, low=True)

        return fill

    def _port(self) -> int:
        """From the end of what is for clusters: those of stacks are given from its beginning."""
        taken = {found.port for found in self._postgresql.clusters().values()}
        for name in self.found():
            text = as_postgres(["sh", "-c", 'test ! -f "$0/port" || cat "$0/port"', f"{PLACE}/{name}"])
            taken |= {int(text)} if text.isdigit() else set()
        for port in range(LAST_PORT, FIRST_PORT, -1):
            if port not in taken and not os.path.exists(f"{SOCKETS}/.s.PGSQL.{port}"):
                return port
        raise OperationError("no port is left for a copy", "PostgreSQL", f"{FIRST_PORT} to {LAST_PORT} are taken")


def _free_bytes() -> int:
    found = os.statvfs(HOME)
    return found.f_bavail * found.f_frsize


def _control(version: str, directory: str) -> dict[str, int]:
    """What the source was set to, below which a copy replays nothing."""
    lines = as_postgres([f"/usr/lib/postgresql/{version}/bin/pg_controldata", directory])
    found = re.findall(r"^(max_\w+) setting:\s+(\d+)$", lines, re.MULTILINE)
    return {name: int(number) for name, number in found}


def _is_known(unit: str) -> bool:
    return run(["systemctl", "show", "--value", "--property=LoadState", unit]) == "loaded"


def _is_up(name: str) -> bool:
    return _succeeds("systemctl", "is-active", "--quiet", scratch_files.unit(name))


def _succeeds(*words: str) -> bool:
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def _wait_until_open(made: Scratch, seconds: float) -> None:
    """Until its logs are replayed and it takes what is written. Raises OperationError."""
    deadline = time.monotonic() + seconds
    while sql(made.port, "postgres", "SELECT pg_is_in_recovery();") != "f":
        if time.monotonic() >= deadline:
            where = f"copy {made.name}"
            raise OperationError("still replays its logs", where, f"after {seconds:g} s", host_command("pg_lsclusters"))
        # Between two looks: PostgreSQL tells nobody when it has replayed its logs; the deadline above ends it.
        time.sleep(POLL_SECONDS)
