# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a volume in a drill: some of its newest copy are read, and compared with what they have to be.

With a question to the restored database they have to be as that says, so that both fit together on the day when both
are restored. Without one, as they are in the volume, where nothing has changed them since.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import OperationError, RefusedError
from ..hints import hint
from ..planning import drill_files
from ..planning.backups.stanzas import BackedUp
from ..planning.drill_files import Word
from ..ports import Host
from ..process import lock
from ..releases.backups import Places
from ..releases.copied import Copied
from ..releases.drills import Finding
from ..releases.lock_holder import LockHolder
from ..stack.drills import SAMPLE, Check
from ..stack.model import Stack
from .backups import lock_path

#: How long a backup is waited for: what it frees must not be read meanwhile.
BACKUP_SECONDS = 3600.0


def look(
    host: Host, stack: Stack, one: BackedUp, check: Check, who: LockHolder, *, ask: Callable[[str], str]
) -> Finding:
    """What is found of a check. `ask` asks the restored database. What cannot be looked at is what is wrong."""
    root = host.copies.volume(stack.volume(one.environment, check.volume))
    if not root:
        return Finding(check.name, "no release has made the volume yet")
    try:
        with lock.hold(lock_path(host, stack), who, BACKUP_SECONDS):
            return _Look(host, stack, one, check, root).run(ask)
    except OperationError as error:
        return Finding(check.name, "", error.cause)
    except RefusedError as error:
        return Finding(check.name, "", "; ".join(problem.what for problem in error.problems))


@dataclass
class _Look:
    host: Host
    stack: Stack
    one: BackedUp
    check: Check
    root: str

    def run(self, ask: Callable[[str], str]) -> Finding:
        """Raises OperationError."""
        places = self.host.backup_places.read()
        if places is None:
            raise OperationError("nobody says where backups go", self.stack.name, "it is not provisioned")
        answers, problems = [], []
        for kind in ("path", *(("s3",) if places.bucket else ())):
            said, wrong = self._in(places, kind, ask)
            answers.append(f"{kind}: {said}" if places.bucket else said)
            problems += [f"{kind}: {text}" for text in wrong] if places.bucket else wrong
        return Finding(self.check.name, "; ".join(answers), drill_files.trouble(problems))

    def _in(self, places: Places, kind: str, ask: Callable[[str], str]) -> tuple[str, list[str]]:
        thing = f"{self.one.environment} volume {self.check.volume}"
        copied = drill_files.newest(self.host.copied.copies(places, kind, self.stack.name, thing))
        if copied is None:
            return "", [f"volume {self.check.volume} has no copy: {hint('backup', where=self.one.environment)}"]
        found = _Copy(self, places, kind, copied)
        if self.check.sql:
            total, seen, whose = None, found.of_database(ask), "the database says"
        else:
            paths = self.host.copied.paths(places, kind, self.stack.name, copied)
            chosen, total = drill_files.drawn(paths, self.check.sample or SAMPLE, random.Random())
            seen, whose = found.of_volume(chosen), "in the volume"
        words, problems = [], []
        for word, problem in seen:
            words += [word] if word else []
            problems += [problem] if problem else []
        return drill_files.sentence(words, whose, total), problems


@dataclass
class _Copy:
    """One copy."""

    look: _Look
    places: Places
    kind: str
    copied: Copied

    def of_database(self, ask: Callable[[str], str]) -> Iterator[tuple[Word | None, str]]:
        rows, problems = drill_files.rows(
            ask(drill_files.question(self.look.check.sql, self.look.check.sample or SAMPLE))
        )
        yield from ((None, problem) for problem in problems)
        wanted = {row.path for row in rows}
        there = {path for path in self._paths() if path in wanted} if wanted else set()
        for row in rows:
            try:
                checksum = self._checksum(row.path) if row.path in there else None
            except OperationError as error:
                yield None, f"{row.path}: {error.cause}"
                continue
            now = None if checksum == row.sha256 else self.look.host.copied.present(self.look.root, row.path)
            yield drill_files.of_database(row, checksum, now, self.copied.begun)

    def of_volume(self, paths: list[str]) -> Iterator[tuple[Word | None, str]]:
        for path in paths:
            try:
                checksum = self._checksum(path)
            except OperationError as error:
                yield None, f"{path}: {error.cause}"
                continue
            now = self.look.host.copied.present(self.look.root, path)
            yield drill_files.of_volume(path, checksum, now, self.copied.begun)

    def _paths(self) -> Iterator[str]:
        return self.look.host.copied.paths(self.places, self.kind, self.look.stack.name, self.copied)

    def _checksum(self, path: str) -> str:
        return self.look.host.copied.checksum(self.places, self.kind, self.look.stack.name, self.copied, path)
