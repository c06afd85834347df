# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation `restore`: bring a database back to a moment. What it would cost is said first, and nothing is touched
before that was confirmed by name."""

from __future__ import annotations

import dataclasses
import datetime
import os
import socket
from dataclasses import dataclass, field

from ..env.secret_forms import Redactor
from ..errors import OperationError, Problem, RefusedError
from ..hints import host_command, option
from ..planning.restores import Wish
from ..ports import Host
from ..process import journal, lock
from ..process.journal import Journal
from ..releases.lock_holder import LockHolder
from ..releases.release import next_timestamp
from ..rendering import notifications
from ..rendering import restores as shown
from ..stack.model import Stack
from . import recover, redaction, restore_kept, witnesses
from .restore_plan import Planner
from .restoring import OpenRestoreError, Restoring, carry_out

#: Provisioning may be at the same cluster.
LOCK_SECONDS = 60.0
SCRATCH = "scratch"


@dataclass
class RestoreReport:
    """What was done, or would be, as sentences."""

    changed: bool = False
    lines: list[str] = field(default_factory=list)


def request(
    host: Host,
    stack: Stack,
    wish: Wish,
    who: LockHolder,
    *,
    check: bool = False,
    lock_wait: float = 0,
    path: str = "",
) -> RestoreReport:
    """What a person asks for. Raises RefusedError with every problem, or OperationError once everything is put back."""
    if wish.into not in ("", SCRATCH):
        raise RefusedError([Problem(f"{wish.into!r} is no place for it", "into", option("into", SCRATCH))])
    # It stands in the lock, the journal, the history of restores, notifications.
    redact = redaction.redactor(host, stack)
    planner = Planner(host, stack, wish, dataclasses.replace(who, reason=redact(who.reason)))
    if wish.drop:
        return RestoreReport(True, restore_kept.drop(planner, write=not check))
    if wish.into:
        return RestoreReport(True, restore_kept.look(planner, write=not check))
    if check:
        return RestoreReport(True, shown.lines(planner.plan(write=False)))
    where = f"{stack.name} {planner.environment}"
    try:
        with (
            lock.hold(lock.lock_path(stack.name, planner.environment, host.paths.locks), planner.who, lock_wait),
            lock.hold(os.path.join(host.paths.locks, "databases.lock"), planner.who, LOCK_SECONDS),
        ):
            report = _run(planner, redact, path)
    except OSError as error:
        raise OperationError("the database could not be restored", where, str(error), host_command("df -h")) from error
    host.page.renew(stack.name)
    return report


def _run(planner: Planner, redact: Redactor, path: str) -> RestoreReport:
    """The caller holds the locks."""
    host, stack, environment, report = planner.host, planner.stack, planner.environment, RestoreReport()
    left = journal.unfinished(stack.name, environment, host.paths.state)
    closed = False
    for record in left:
        text, is_closed = _recovered(planner, record, redact)
        report.lines.append(text)
        closed = closed or is_closed
    report.lines += witnesses.mend(host, stack, environment)
    plan = planner.plan(write=True)
    # What an earlier one has closed is opened by whoever goes on in its place.
    plan = dataclasses.replace(plan, closes=plan.closes or closed)
    begun = host.clock.monotonic()
    log = Journal(path or _new_path(planner), host.clock, _header(planner), redact=redact)
    restoring = Restoring(host, stack, plan, log)
    try:
        log.add("restore", plan=plan.to_json())
        carry_out(restoring)
        done = shown.done(plan, host.clock.monotonic() - begun)
        report.changed = True
        report.lines += [*restoring.notes, *done]
        log.add("end", outcome="succeeded", message=shown.sentence(plan), release=plan.release)
        _tell(planner, sentences=done[:1])
    except OperationError as error:
        told = redaction.redact_error(error, redact)
        if not isinstance(error, OpenRestoreError):  # that has no end in the journal, so recovery takes over
            log.add("end", outcome="failed", message=str(error))
        _tell(planner, failure=f"{told.what}: {told.cause}")
        raise told from error
    finally:
        log.close()
    return report


def _recovered(planner: Planner, record: journal.Record, redact: Redactor) -> tuple[str, bool]:
    """What was done of an interrupted operation, and whether it has left the environment closed. A cluster of before
    that does not start any more is no reason against a restore: it is what one is for."""
    host, stack, earlier = planner.host, planner.stack, record.restore
    try:
        return recover.recover(host, stack, record), False
    except OperationError as error:
        if earlier is None or "open" in record.steps:
            raise
        message = f"given up for another restore: {error}"
    log = Journal(record.path, host.clock, redact=redact)
    log.add("end", outcome="undone", message=message)
    log.close()
    return f"{os.path.basename(record.path).removesuffix('.jsonl')} was {message}", earlier.closes


def _header(planner: Planner) -> dict[str, object]:
    who = planner.who
    return {
        "operation": "restore",
        "environment": planner.environment,
        "person": who.person,
        "host": who.host,
        "reason": who.reason,
        "stack": planner.stack.name,
        "pid": os.getpid(),
    }


def _new_path(planner: Planner) -> str:
    host, stack, environment = planner.host, planner.stack, planner.environment
    mine = (name for name in journal.names(stack.name, host.paths.state) if f"-{environment}-" in name)
    at = next_timestamp(datetime.datetime.fromtimestamp(host.clock.now(), datetime.timezone.utc), mine)
    return os.path.join(
        journal.directory(stack.name, host.paths.state), f"{at}-{environment}-restore-{os.getpid()}.jsonl"
    )


def _tell(planner: Planner, *, sentences: list[str] | None = None, failure: str = "") -> None:
    host, now = planner.host, planner.host.clock.now()
    host.notifier.notify(
        notifications.change(
            planner.who,
            planner.stack.name,
            planner.environment,
            socket.gethostname(),
            now,
            sentences=sentences or [],
            failure=failure,
        )
    )
