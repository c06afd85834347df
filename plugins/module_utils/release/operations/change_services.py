# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation `services`: bring the services of one environment to what the stack wants, and nothing else."""

from __future__ import annotations

import datetime
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import OperationError, Problem, RefusedError
from ..hints import host_command, option
from ..ports import Host
from ..process import journal, lock
from ..process.journal import Journal
from ..releases.lock_holder import LockHolder
from ..releases.release import next_timestamp
from ..rendering import notifications
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from . import recover, redaction
from .services import OpenChangeError, Services


@dataclass
class ServicesReport:
    """What was done, or would be, as sentences."""

    changed: bool = False
    lines: list[str] = field(default_factory=list)
    #: What was done, alone.
    done: list[str] = field(default_factory=list)


def request(
    host: Host, stack: Stack, environment: str, who: LockHolder, *, check: bool = False, lock_wait: float = 0
) -> ServicesReport:
    """What a person asks for, who may have named no environment. Raises RefusedError or OperationError."""
    named: list[EnvironmentName] = [name for name in ENVIRONMENTS if environment in ("", name)]
    if not named:
        what = f"{environment!r} is not an environment"
        raise RefusedError([Problem(what, "where", "choose from " + ", ".join(ENVIRONMENTS))])
    if check:
        return preview(host, stack, named)
    if not environment:
        fix = option("where", "<which>") + ", with staging or production: a service that changes restarts"
        raise RefusedError([Problem("is not given", "where", fix)])
    return run(host, stack, named[0], who, lock_wait=lock_wait)


def preview(host: Host, stack: Stack, environments: Sequence[EnvironmentName] = ENVIRONMENTS) -> ServicesReport:
    """What the operation would do. Raises RefusedError."""
    report = ServicesReport()
    for environment in environments:
        mine = Services(host, stack, environment, Journal(None, host.clock))
        mine.look_for_images(write=False)
        changes = mine.changes()
        report.lines += [f"{environment}: would {change.sentence}" for change in changes]
        report.lines += [] if changes else [f"{environment}: {_as_wanted(stack, environment)}"]
        report.changed = report.changed or bool(changes)
    return report


def _as_wanted(stack: Stack, environment: EnvironmentName) -> str:
    number = len(stack.services_in(environment))
    return f"{number} services are as the stack has them" if number else "the stack has no services here"


def run(
    host: Host, stack: Stack, environment: EnvironmentName, who: LockHolder, *, lock_wait: float = 0, path: str = ""
) -> ServicesReport:
    """Change what differs. Raises RefusedError, or OperationError once everything that failed is put back."""
    report = ServicesReport()
    try:
        with lock.hold(lock.lock_path(stack.name, environment, host.paths.locks), who, lock_wait):
            _recover_and_change(host, stack, environment, who, path, report)
    except OSError as error:
        where = f"{stack.name} {environment}"
        failed = OperationError("the services could not be changed", where, str(error), host_command("df -h"))
        _tell(host, stack, environment, who, failure=str(failed))
        raise failed from error
    except (RefusedError, OperationError) as error:
        _tell(host, stack, environment, who, failure=str(error))
        raise
    host.page.renew(stack.name)
    if report.changed:
        _tell(host, stack, environment, who, sentences=report.done)
    return report


def _tell(
    host: Host,
    stack: Stack,
    environment: EnvironmentName,
    who: LockHolder,
    *,
    sentences: Sequence[str] = (),
    failure: str = "",
) -> None:
    """Notify, once the lock is free."""
    now, name = host.clock.now(), socket.gethostname()
    host.notifier.notify(
        notifications.change(who, stack.name, environment, name, now, sentences=sentences, failure=failure)
    )


def _recover_and_change(
    host: Host, stack: Stack, environment: EnvironmentName, who: LockHolder, path: str, report: ServicesReport
) -> None:
    left = journal.unfinished(stack.name, environment, host.paths.state)
    report.lines += [recover.recover(host, stack, record) for record in left]
    _carry_out(host, stack, environment, who, path or _new_path(host, stack, environment), report)


def _carry_out(
    host: Host, stack: Stack, environment: EnvironmentName, who: LockHolder, path: str, report: ServicesReport
) -> None:
    redact = redaction.redactor(host, stack)
    header = {
        "operation": "services",
        "environment": environment,
        "person": who.person,
        "host": who.host,
        "reason": who.reason,
        "stack": stack.name,
        "pid": os.getpid(),
    }
    log = Journal(path, host.clock, header, redact=redact)
    try:
        mine = Services(host, stack, environment, log)
        mine.look_for_images()
        changes = mine.changes()
        if not changes:
            nothing = f"{environment}: {_as_wanted(stack, environment)}"
            report.lines.append(nothing)
            log.add("end", outcome="nothing", message=nothing)
            return
        mine.carry_out(changes)
        report.done = [change.sentence for change in changes]
        log.add("end", outcome="succeeded", message="; ".join(report.done))
    except OpenChangeError as error:
        raise redaction.redact_error(error, redact) from error  # no end in the journal, so recovery takes over
    except (RefusedError, OperationError) as error:
        log.add("end", outcome="refused" if isinstance(error, RefusedError) else "failed", message=str(error))
        if isinstance(error, OperationError):
            raise redaction.redact_error(error, redact) from error
        raise
    finally:
        log.close()
    report.changed = True
    report.lines += [f"{environment}: {sentence}: done" for sentence in report.done]


def _new_path(host: Host, stack: Stack, environment: EnvironmentName) -> str:
    mine = (name for name in journal.names(stack.name, host.paths.state) if f"-{environment}-" in name)
    moment = next_timestamp(datetime.datetime.fromtimestamp(host.clock.now(), datetime.timezone.utc), mine)
    name = f"{moment}-{environment}-services-{os.getpid()}.jsonl"
    return os.path.join(journal.directory(stack.name, host.paths.state), name)
