# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of one-off runs in files: one record for each, and the Compose file of those that go on."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from typing import Any

from ..paths import STATE, runs_of
from ..process.private import private_directory
from ..releases.jobs import JobNote
from ..releases.runs import Run, record_of
from ..stack.model import EnvironmentName
from ..util.files import as_json, write_atomically
from . import own_files

#: Of each app in each environment.
KEPT = 50
_RECORD = ".json"


class RunFiles:
    """The runs of this host's stacks. Root's alone: what a run prints may be anything."""

    def __init__(self, state: str = STATE) -> None:
        self.state = state

    def records(self, stack: str) -> list[Run]:
        """All records that can be read, newest first."""
        found = [self.record(stack, name) for name in reversed(self._names(stack))]
        return [run for run in found if run is not None]

    def record(self, stack: str, run: str) -> Run | None:
        found = record_of(own_files.load(self._path(stack, run + _RECORD))[0])
        return found if found is not None and (found.stack, found.id) == (stack, run) else None

    def write(self, run: Run) -> None:
        """Write a record. Once it has ended, those that are too many of its app go."""
        private_directory(runs_of(run.stack, self.state))
        write_atomically(self._path(run.stack, run.id + _RECORD), as_json(run.to_json()), 0o600)
        if run.is_over:
            whose = f"{run.environment}-{run.app}"
            # What follows a dot tells runs of one job in one operation apart.
            mine = [name for name in self._names(run.stack) if name.partition("-")[2].partition(".")[0] == whose]
            for name in mine[:-KEPT]:
                # Of two that end at the same time the other one may have removed it.
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._path(run.stack, name + _RECORD))

    def home(self, run: Run) -> str:
        """Where its files are as long as it goes."""
        return self._path(run.stack, run.id)

    def going(self, stack: str) -> list[Run]:
        """Those that have files, and so have not been tidied up. Where there is none this reads one directory."""
        place = runs_of(stack, self.state)
        names = sorted(os.listdir(place)) if os.path.isdir(place) else []
        found = [self.record(stack, name) for name in names if not name.endswith(_RECORD)]
        return [run for run in found if run is not None and not run.is_over]

    def write_env(self, run: Run, env: Mapping[str, bytes]) -> None:
        """Write env files of its own, by name."""
        for name, data in env.items():
            write_atomically(os.path.join(self.home(run), f"env.{name}"), data, 0o600)

    def place(self, run: Run, compose: Mapping[str, Any]) -> str:
        """Write what a run is created from. Returns the path of its Compose file."""
        home = self.home(run)
        private_directory(home)
        path = os.path.join(home, "compose.json")
        write_atomically(path, as_json(compose), 0o600)
        return path

    def clear(self, run: Run) -> None:
        home = self.home(run)
        if os.path.isdir(home):
            shutil.rmtree(home)

    def notes(self, stack: str) -> dict[tuple[str, str], JobNote]:
        """What people have set for jobs, by environment and job."""
        found: dict[str, dict[str, Any]] = own_files.load(self._notes(stack))[0] or {}
        return {
            (environment, job): JobNote(**note) for environment, mine in found.items() for job, note in mine.items()
        }

    def set_note(self, stack: str, environment: EnvironmentName, job: str, note: JobNote) -> None:
        found = {**self.notes(stack), (environment, job): note}
        data: dict[str, dict[str, Any]] = {}
        for (place, name), item in found.items():
            data.setdefault(place, {})[name] = dict(vars(item))
        write_atomically(self._notes(stack), as_json(data), 0o600)

    def _notes(self, stack: str) -> str:
        return os.path.join(self.state, stack, "jobs.json")

    def _names(self, stack: str) -> list[str]:
        home = runs_of(stack, self.state)
        names = sorted(os.listdir(home)) if os.path.isdir(home) else []
        return [name.removesuffix(_RECORD) for name in names if name.endswith(_RECORD)]

    def _path(self, stack: str, name: str) -> str:
        return os.path.join(runs_of(stack, self.state), name)
