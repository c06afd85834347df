# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill: the newest backup is restored to a scratch cluster, looked at, and what that took is written down.

It holds up no operation and is held up by none: it has a lock of its own, and touches nothing that runs.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..errors import OperationError, Problem, RefusedError
from ..hints import hint, option
from ..planning import restores
from ..planning.backups.stanzas import BackedUp, backed_up
from ..planning.restores import Known, Wish
from ..ports import Host
from ..process import lock
from ..releases.backups import BackupSet
from ..releases.drills import Drill, Finding
from ..releases.lock_holder import LockHolder
from ..releases.scratch import ScratchWanted
from ..rendering import drills as shown
from ..rendering import notifications
from ..stack.drills import Check, Drills
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from . import drill_files, redaction

#: How long one declared check may take.
CHECK_SECONDS = 600
#: Of a cause, in characters.
LONGEST = 300
#: How many files of the log that are missing are named.
NAMED = 3


@dataclass
class DrillReport:
    """What was found, of each database."""

    stack: str
    drills: list[Drill] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return all(one.is_good and not one.missed for one in self.drills)


def request(
    host: Host, stack: Stack, where: str, database: str, who: LockHolder, *, check: bool = False, lock_wait: float = 0
) -> DrillReport:
    """What a person or a timer asks for. Raises RefusedError; what a drill finds is in the report."""
    environment, mine = _chosen(host, stack, where, database)
    report = DrillReport(stack.name)
    if check:
        report.lines = [
            f"{environment}: would restore the newest backup of {one.database.name} to a scratch cluster, and check it"
            for one in mine
        ]
        return report
    with lock.hold(lock.lock_path(stack.name, f"drill-{environment}", host.paths.locks), who, lock_wait):
        for one in mine:
            found = _redacted(host, stack, carry_out(host, stack, one, who))
            host.store.add_drill(stack.name, found)
            report.drills.append(found)
            report.lines += shown.lines([found])
            _tell(host, stack, environment, who, found)
    host.page.renew(stack.name)
    return report


def _chosen(host: Host, stack: Stack, where: str, database: str) -> tuple[EnvironmentName, list[BackedUp]]:
    environment = next((name for name in ENVIRONMENTS if name == (where or "production")), None)
    if environment is None:
        fix = f"{option('where', '<which>')}, with staging or production"
        raise RefusedError([Problem(f"{where!r} is not an environment", "where", fix)])
    kept = host.store.databases(stack.name)
    mine = [one for one in backed_up(stack, environment, kept) if database in ("", one.database.name)]
    if not mine:
        what = f"has no database {database} with backups" if database else "has no database with backups"
        fix = "add `backup: {}` to a database of the stack, then " + hint("provision")
        raise RefusedError([Problem(what, f"stack {stack.name} {environment}", fix)])
    return environment, mine


def carry_out(host: Host, stack: Stack, one: BackedUp, who: LockHolder) -> Drill:
    """Restore the newest backup and look at the copy. Whatever fails is the finding."""
    wanted, now = one.database.drill or Drills(), host.clock.now()
    found = Drill(
        one.environment,
        one.database.name,
        now,
        rpo_seconds=wanted.rpo_minutes * 60.0,
        rto_seconds=wanted.rto_minutes * 60.0,
    )
    try:
        return _Trial(host, stack, one, wanted, found, who).run()
    except OperationError as error:
        return Drill(**{**vars(found), "cause": f"{error.what}: {error.cause}"})


@dataclass
class _Trial:
    host: Host
    stack: Stack
    one: BackedUp
    wanted: Drills
    found: Drill
    who: LockHolder

    def run(self) -> Drill:
        """Raises OperationError."""
        host, stanza = self.host, self.one.stanza
        sets = host.backups.info(stanza)
        goal = self._goal(sets)
        archive = self._archive(goal, sets)
        begun = host.clock.monotonic()
        wanted = ScratchWanted("drill", stanza.name, stanza.version, goal.size)
        try:
            copy = host.scratch.make(
                wanted, lambda directory: host.backups.restore_into(stanza, directory, goal.target)
            )
        except OperationError as error:
            if not archive.problem:
                raise
            raise OperationError(error.what, error.where, f"{archive.problem}; {error.cause}", error.fix) from error
        try:
            # Had the host been lost at this moment, this is what there would be.
            opened, recovery = host.clock.now(), host.clock.monotonic() - begun
            beat = host.restores.newest_beat(copy.port)
            checks = (archive, *self._checks(copy.port))
            size = host.database.status(copy.port, stanza.database).size_bytes
        finally:
            host.scratch.remove(copy.name)
        return Drill(
            **{
                **vars(self.found),
                "backup": goal.target.label,
                "lost_seconds": None if beat is None else round(max(0.0, opened - beat), 1),
                "recovery_seconds": round(recovery, 1),
                "check_seconds": round(host.clock.monotonic() - begun - recovery, 1),
                "size": size or goal.size,
                "checks": checks,
            }
        )

    def _goal(self, sets: Sequence[BackupSet]) -> restores.Goal:
        host, mine = self.host, self.stack.name
        history = host.store.restored(mine).get(self.one.environment, {}).get(self.one.database.name, ())
        problems: list[Problem] = []
        known = Known(host.clock.now(), sets, history=history)
        goal = restores.goal(Wish(at=restores.LATEST), known, problems)
        if goal is None:
            raise OperationError("nothing could be restored", self.one.stanza.name, problems[0].what, problems[0].fix)
        return goal

    def _archive(self, goal: restores.Goal, sets: Sequence[BackupSet]) -> Finding:
        """Where a file of the log is missing, PostgreSQL takes that for its end, and opens without a word."""
        target = goal.target
        first = restores.first_log(sets, target)
        missing = self.host.backups.gaps(self.one.stanza, target.repository, first)
        shown = "; ".join(missing[:NAMED]) + (f" and {len(missing) - NAMED} more" if len(missing) > NAMED else "")
        return Finding("archive", "damaged" if missing else "whole", shown)

    def _checks(self, port: int) -> Iterator[Finding]:
        stanza = self.one.stanza
        damage = self.host.restores.damage(stanza.version, port)
        yield Finding("pg_amcheck", "damaged" if damage else "whole", "; ".join(damage))
        for check in self.wanted.checks:
            yield self._asked(port, check)

    def _asked(self, port: int, check: Check) -> Finding:
        def ask(question: str) -> str:
            return self.host.restores.answer(port, self.one.stanza.database, question, CHECK_SECONDS)

        if check.volume:
            return drill_files.look(self.host, self.stack, self.one, check, self.who, ask=ask)
        try:
            answer = ask(check.sql)
        except OperationError as error:
            return Finding(check.name, "", error.cause)
        return Finding(check.name, answer, check.problem(answer))


def _redacted(host: Host, stack: Stack, found: Drill) -> Drill:
    redact = redaction.redactor(host, stack)
    checks = tuple(Finding(one.name, redact(one.answer), redact(one.problem)) for one in found.checks)
    return Drill(**{**vars(found), "cause": legible(redact(found.cause)), "checks": checks})


def legible(text: str) -> str:
    """What a program says of a damaged file, without the pieces of it that it quotes."""
    plain = re.sub(r"[^\x20-\x7e]+", " … ", text) if "\ufffd" in text else text
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]} …"


def _tell(host: Host, stack: Stack, environment: EnvironmentName, who: LockHolder, found: Drill) -> None:
    """A drill that failed or missed its target is an alarm; one that went well is told where people want to hear it."""
    bad = [*found.problems, *found.missed]
    sentence = shown.sentence(found)
    what = "its backup is not to be relied on" if found.problems else sentence
    failure = f"{found.database}, {what}"
    event = notifications.change(
        who,
        stack.name,
        environment,
        socket.gethostname(),
        host.clock.now(),
        sentences=[sentence],
        failure=failure if bad else "",
    )
    host.notifier.notify(event)
