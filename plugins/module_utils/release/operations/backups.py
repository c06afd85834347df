# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of a stack: what is due, or what a person asks for, one after the other; each is written down by itself.

They hold off no operation and wait for none: a backup is of one moment, whatever happens beside it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import OperationError, Problem, RefusedError
from ..hints import hint
from ..planning.backups import copies, schedule
from ..planning.backups.pgbackrest import VERIFIES
from ..planning.backups.schedule import Task
from ..planning.backups.stanzas import backed_up
from ..ports import Host
from ..process import lock
from ..releases.backups import BackupRecord, Stanza
from ..releases.lock_holder import LockHolder
from ..rendering import notifications
from ..stack.model import ENVIRONMENTS, Stack
from . import backup_ages
from .backup_copies import Copies, NothingYetError

#: How the records are called that say what was told already.
ALARM = "told: "
#: What a person may ask for.
KINDS = ("full", "incremental", "dump", "copy", "verify")
#: What a person gets who asks for no kind: an incremental backup is a full one where there is none yet.
USUAL = ("incremental", "dump", "copy")


@dataclass(frozen=True)
class Wish:
    """What is to be done; without a word everything but what reads all of it again."""

    environment: str = ""
    kind: str = ""
    #: Only what is due: as a timer asks.
    due: bool = False


@dataclass
class Outcome:
    """How one backup ended."""

    task: Task
    record: BackupRecord
    ok: bool
    #: Why it was not done, though nothing is wrong.
    put_off: str = ""

    @property
    def sentence(self) -> str:
        if self.put_off:
            return f"{self.task.key}: {self.put_off}"
        if not self.ok:
            return f"{self.task.key} FAILED: {self.record.why}"
        size = f", {self.record.size / 1e6:.1f} MB more" if self.record.size >= 50_000 else ""
        return f"{self.task.key}: done in {self.record.seconds:.1f} s{size}"


@dataclass
class BackupReport:
    """What was done for one stack."""

    stack: str
    outcomes: list[Outcome] = field(default_factory=list)
    #: How old everything is now, and what is wrong with it.
    ages: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(outcome.ok for outcome in self.outcomes)


def lock_path(host: Host, stack: Stack) -> str:
    return lock.lock_path(stack.name, "backup", host.paths.locks)


def take(
    host: Host, stack: Stack, wish: Wish, who: LockHolder, tell: Callable[[str], None], *, lock_wait: float = 0
) -> BackupReport:
    """Back up. Raises RefusedError if there is nothing to back up, or a backup goes on. What fails is in the report."""
    wanted = chosen(host, stack, wish)
    with lock.hold(lock_path(host, stack), who, lock_wait):
        return _Run(host, stack, who, tell).run(wanted, wish)


def chosen(host: Host, stack: Stack, wish: Wish) -> list[Task]:
    """What a wish names. Raises RefusedError if that is nothing."""
    found = schedule.tasks(stack, host.store.databases(stack.name))
    problems = []
    if wish.environment and wish.environment not in ENVIRONMENTS:
        problems.append(Problem(f"{wish.environment!r} is no environment", "where", f"choose of {ENVIRONMENTS}"))
    if wish.kind and wish.kind not in KINDS:
        problems.append(Problem(f"{wish.kind!r} is no kind of backup", "kind", "choose of " + ", ".join(KINDS)))
    mine = [task for task in found if wish.environment in ("", task.environment) and wish.kind in ("", task.kind)]
    if not wish.kind and not wish.due:
        mine = [task for task in mine if task.kind in USUAL]
    if not problems and not mine and not wish.due:
        what = f"nothing of {stack.name} is backed up" if not found else "nothing of it is backed up in this way"
        fix = f"give a database `backup`, or a volume `backup: true`, then {hint('provision')}"
        problems.append(Problem(what, f"stack {stack.name}", fix))
    if problems:
        raise RefusedError(problems)
    return mine


class _Run:
    def __init__(self, host: Host, stack: Stack, who: LockHolder, tell: Callable[[str], None]) -> None:
        self.host, self.stack, self.who, self.tell = host, stack, who, tell
        self.copies = Copies(host, stack)
        kept = host.store.databases(stack.name)
        self.all = schedule.tasks(stack, kept)
        self.stanzas: dict[tuple[str, str], Stanza] = {
            (environment, one.database.name): one.stanza
            for environment in ENVIRONMENTS
            for one in backed_up(stack, environment, kept)
        }
        self.records: dict[str, BackupRecord] = {}

    def run(self, wanted: list[Task], wish: Wish) -> BackupReport:
        now, report = self.host.clock.now(), BackupReport(self.stack.name)
        before = self.host.store.backup_records(self.stack.name)
        told = {key: record for key, record in before.items() if key.startswith(ALARM)}
        self.records = {**schedule.planned(self.all, before, now), **told}
        if self.records != before:
            self.host.store.set_backup_records(self.stack.name, self.records)
        for task in schedule.due(wanted, self.records, now) if wish.due else wanted:
            self.tell(f"{task.key} …")
            report.outcomes.append(outcome := self._one(task))
            self.tell(outcome.sentence)
        self._alarm()
        report.ages = backup_ages.lines(self.host, self.stack)
        return report

    def _one(self, task: Task) -> Outcome:
        began, clock = self.host.clock.now(), self.host.clock.monotonic()
        before = self.records[task.key]
        try:
            size = self._carry_out(task)
        except NothingYetError as error:
            if not before.at:
                return Outcome(task, before, True, error.what)
            why = f"{error.where} is gone, of which there are copies"
            record, ok = dataclasses.replace(before, failed_at=before.failed_at or began, why=why), False
        except OperationError as error:
            if task.kind == "dump" and copies.was_put_off(error.cause):
                return Outcome(task, before, True, "put off: a migration needs the tables")
            why = error.cause if error.what.endswith("failed") else f"{error.what}: {error.cause}"
            record, ok = dataclasses.replace(before, failed_at=before.failed_at or began, why=why), False
        else:
            seconds = round(self.host.clock.monotonic() - clock, 2)
            record, ok = dataclasses.replace(before, at=began, seconds=seconds, size=size, failed_at=0.0, why=""), True
        self.records[task.key] = record
        if ok and task.kind == "full":
            # It is an incremental one too, so what has failed of those before is over.
            other = f"{task.thing}: incremental"
            if other in self.records:
                self.records[other] = dataclasses.replace(self.records[other], failed_at=0.0, why="")
        self.host.store.set_backup_records(self.stack.name, self.records)
        return Outcome(task, record, ok)

    def _carry_out(self, task: Task) -> int:
        """Returns what it takes in its repository, as far as that is known. Raises OperationError."""
        stanza = self.stanzas.get((task.environment, task.name)) if task.what == "database" else None
        if stanza is None and task.kind == "verify":
            self.copies.verify(task)
            return 0
        if stanza is None:
            return self.copies.copy(task)
        if task.kind == "dump":
            return self.copies.dump(task, stanza)
        repositories = range(1, len(task.backup.repository) + 1)
        if task.kind == "verify":
            version = self.host.backups.version()
            if version < VERIFIES:
                shown = ".".join(map(str, version))
                self.tell(
                    f"{task.key}: pgBackRest {shown} reads nothing again, so only the files of the log are counted"
                )
            self._verify(stanza, repositories)
            return 0
        # Whatever has failed when it was provisioned, or was removed since, is made again.
        self.host.backups.create_stanza(stanza)
        for repository in repositories:
            self.host.backups.take(stanza, "full" if task.kind == "full" else "incremental", repository)
        return sum(it.stored for it in self.host.backups.info(stanza)[-len(repositories) :])

    def _verify(self, stanza: Stanza, repositories: range) -> None:
        found = [text for repository in repositories for text in self.host.backups.verify(stanza, repository)]
        if found:
            shown = "; ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
            raise OperationError("the repository is damaged", stanza.name, shown, hint("backup", kind="full"))

    def _alarm(self) -> None:
        """Tell once of what begins to be wrong: a failure, what is too old, an archive that nothing reaches."""
        now = self.host.clock.now()
        wrong = backup_ages.troubles(self.host, self.stack)
        known = {key for key in self.records if key.startswith(ALARM)}
        kept = {key: record for key, record in self.records.items() if key not in known}
        told = {
            f"{ALARM}{text.subject}": self.records.get(f"{ALARM}{text.subject}", BackupRecord(now)) for text in wrong
        }
        self.records = {**kept, **told}
        if set(told) == known:
            return
        self.host.store.set_backup_records(self.stack.name, self.records)
        new = [text for text in wrong if f"{ALARM}{text.subject}" not in known]
        for environment in dict.fromkeys(text.environment for text in new):
            texts = [text.sentence for text in new if text.environment == environment]
            told_of = notifications.backups(self.who, self.stack.name, environment, now, texts)
            self.host.notifier.notify(told_of)


def has_any(host: Host, stack: Stack) -> bool:
    return bool(schedule.tasks(stack, host.store.databases(stack.name)))


def previewed(host: Host, stack: Stack, wish: Wish) -> list[str]:
    """What would be done, and how old everything is."""
    wanted = chosen(host, stack, wish)
    if wish.due:
        wanted = schedule.due(wanted, host.store.backup_records(stack.name), host.clock.now())
    return [*(f"would do {task.key}" for task in wanted), *backup_ages.lines(host, stack)]
