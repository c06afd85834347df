# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies by restic: dumps of databases, files of volumes, SQLite, and what the engine itself keeps of a stack."""

from __future__ import annotations

import functools

from ..errors import OperationError
from ..hints import hint
from ..paths import SETTINGS
from ..planning.backups.schedule import Task
from ..ports import Host
from ..releases.backups import Places, Stanza
from ..stack.model import EnvironmentName, Stack


class NothingYetError(OperationError):
    """What is to be copied does not exist yet, which is no failure."""


class Copies:
    """The copies of one stack: each repository gets its own."""

    def __init__(self, host: Host, stack: Stack) -> None:
        self.host, self.stack = host, stack

    @functools.cached_property
    def places(self) -> Places:
        found = self.host.backup_places.read()
        if found is None:
            what = "nobody says where backups go"
            raise OperationError(what, self.stack.name, "it is not provisioned", hint("provision"))
        return found

    def dump(self, task: Task, stanza: Stanza) -> int:
        """A dump as the reader. Returns what it added to its repositories."""
        return sum(
            self.host.copies.dump(self.places, kind, self.stack.name, task.thing, stanza, task.backup.keep_days)
            for kind in task.backup.repository
        )

    def copy(self, task: Task) -> int:
        """Files. Returns what they added to their repositories. Raises NothingYetError where there are none."""
        if not task.environment:
            return self._files(task, [f"{self.host.paths.state}/{self.stack.name}", SETTINGS])
        if task.what == "volume":
            return self._files(task, [self._volume(task.environment, task.name)])
        database = self.stack.databases[task.name]
        path = f"{self._volume(task.environment, database.volume)}/{database.file}"
        if not self.host.copies.has(path):
            raise NothingYetError("nothing to copy yet", path, "no app has made it")
        return sum(
            self.host.copies.sqlite(self.places, kind, self.stack.name, task.thing, path, task.backup.keep_days)
            for kind in task.backup.repository
        )

    def _volume(self, environment: EnvironmentName, name: str) -> str:
        volume = self.stack.volume(environment, name)
        if not (path := self.host.copies.volume(volume)):
            raise NothingYetError("nothing to copy yet", volume, "no release has made it")
        return path

    def verify(self, task: Task) -> None:
        """Read everything in the repositories of the stack, and free what is too old. Raises OperationError."""
        for kind in self._kinds(task):
            self.host.copies.verify(self.places, kind, self.stack.name)

    def _files(self, task: Task, paths: list[str]) -> int:
        return sum(
            self.host.copies.files(self.places, kind, self.stack.name, task.thing, paths, task.backup.keep_days)
            for kind in self._kinds(task)
        )

    def _kinds(self, task: Task) -> tuple[str, ...]:
        """Of what has no word of its own on that: wherever this host has a place."""
        return ("path", "s3") if self.places.bucket else ("path",)
