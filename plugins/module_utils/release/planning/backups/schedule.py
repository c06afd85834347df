# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a stack is backed up, how often, what is due now, and what is too old."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ...releases.backups import BackupRecord, TaskKind
from ...releases.databases import KeptAll
from ...stack.backups import EVERY, NEVER, Backup
from ...stack.model import ENVIRONMENTS, EnvironmentName, Stack
from .stanzas import backed_up

What = Literal["database", "file", "volume", "state"]
#: What a timer may come earlier than a day after the one before, by its jitter.
EARLY = 0.1
#: How often everything that there is is read again.
VERIFY = "weekly"
#: How often files are copied, and for how long that is kept.
COPIES = Backup(incremental="daily", dump=NEVER)


@dataclass(frozen=True)
class Task:
    """One kind of backup of one thing."""

    #: Empty for what belongs to no environment.
    environment: EnvironmentName | Literal[""]
    what: What
    name: str
    kind: TaskKind
    #: In seconds.
    every: int
    backup: Backup

    @property
    def thing(self) -> str:
        return f"{self.environment} {self.what} {self.name}".strip()

    @property
    def key(self) -> str:
        return f"{self.thing}: {self.kind}"

    @property
    def limit(self) -> int:
        """From which age on it is too old."""
        return self.backup.limit_seconds if self.kind in ("full", "incremental", "copy") else 2 * self.every


Records = Mapping[str, BackupRecord]


def tasks(stack: Stack, kept: KeptAll) -> list[Task]:
    """Everything that is to be done for a stack, however often."""
    found = [task for environment in ENVIRONMENTS for task in _of(stack, environment, kept)]
    if found:
        found.append(Task("", "state", stack.name, "copy", EVERY[COPIES.incremental], COPIES))
        # Its repository has all other copies of the stack too.
        found.append(Task("", "state", stack.name, "verify", EVERY[VERIFY], COPIES))
    return found


def _of(stack: Stack, environment: EnvironmentName, kept: KeptAll) -> Iterator[Task]:
    for one in backed_up(stack, environment, kept):
        backup = one.database.backup
        if backup is None:
            continue
        every: dict[TaskKind, str] = {"full": backup.full, "incremental": backup.incremental, "dump": backup.dump}
        every["verify"] = VERIFY
        for kind, how in every.items():
            if how != NEVER:
                yield Task(environment, "database", one.database.name, kind, EVERY[how], backup)
    for name, database in stack.databases_in(environment).items():
        if database.engine == "sqlite" and database.backup:
            yield Task(environment, "file", name, "copy", EVERY[database.backup.incremental], database.backup)
    for name, volume in stack.volumes.items():
        if volume.backup:
            yield Task(environment, "volume", name, "copy", EVERY[COPIES.incremental], COPIES)


def due(found: Sequence[Task], records: Records, now: float) -> list[Task]:
    """What is to be done now. A full backup is an incremental one too."""
    late = [task for task in found if _is_due(task, records, now)]
    full = {task.thing for task in late if task.kind == "full"}
    return [task for task in late if task.kind != "incremental" or task.thing not in full]


def _is_due(task: Task, records: Records, now: float) -> bool:
    last = newest(task, records)
    if task.kind == "verify" and last is not None and not last.at:
        # There is something to read after the first backup; until then its time counts from the wish.
        return now - last.since >= task.every * (1 - EARLY)
    return last is None or not last.at or now - last.at >= task.every * (1 - EARLY)


def newest(task: Task, records: Records) -> BackupRecord | None:
    """What counts for its age: a full backup counts as an incremental one, and for its age either does. What has failed
    since is told with it, whichever it was."""
    mine = [records[key] for key in _keys(task) if key in records]
    best = max(mine, key=lambda record: record.at, default=None)
    failed = [record for record in mine if best is not None and record.failed_at > best.at]
    if best is None or best.failed_at or not failed:
        return best
    first = min(failed, key=lambda record: record.failed_at)
    return dataclasses.replace(best, failed_at=first.failed_at, why=first.why)


def _keys(task: Task) -> Collection[str]:
    if task.kind == "incremental":
        return (task.key, f"{task.thing}: full")
    return (task.key,)


def planned(found: Sequence[Task], records: Records, now: float) -> dict[str, BackupRecord]:
    """The records with one for each task; those of what is no more backed up are dropped."""
    return {task.key: records.get(task.key, BackupRecord(now)) for task in found}


@dataclass(frozen=True)
class Age:
    """How old the newest of one kind is."""

    task: Task
    record: BackupRecord
    age: float

    @property
    def is_too_old(self) -> bool:
        return self.age > self.task.limit

    @property
    def is_damaged(self) -> bool:
        """What was read again is not whole."""
        return self.task.kind == "verify" and bool(self.record.failed_at)


def ages(found: Sequence[Task], records: Records, now: float) -> list[Age]:
    """Of each thing that is to be there; a full backup's own age matters to nobody."""
    result = []
    for task in found:
        record = newest(task, records) or BackupRecord(now)
        if task.kind != "full":
            result.append(Age(task, record, max(0.0, now - record.counts_from)))
    return result
