# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operation `scale`: another number of containers of one app of what is live. Nothing is built, nothing else
restarts."""

from __future__ import annotations

import dataclasses
import datetime
import os
import socket
from dataclasses import dataclass, field
from typing import Any

from ..env.secret_forms import Redactor
from ..errors import NothingToDoError, OperationError, Problem, RefusedError
from ..hints import hint, host_command, option
from ..planning import scale
from ..planning.scale import ScalePlan
from ..ports import Host
from ..process import journal, lock
from ..process.journal import Journal
from ..releases.lock_holder import LockHolder
from ..releases.release import next_timestamp, timestamp
from ..releases.replicas import Scale
from ..releases.report import OperationReport
from ..releases.request import Request
from ..rendering import notifications
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from . import recover, redaction, witnesses
from .observe import observe
from .scaling import Scaling, check_files


class OpenScaleError(OperationError):
    """It could neither be carried out nor put back: the journal stays open for recovery."""


@dataclass(frozen=True)
class Asked:
    """What a person asks for: an app, a number or `default`, and an environment."""

    app: str
    replicas: str
    environment: str = "production"


@dataclass
class ScaleReport:
    """What was done, or would be, as sentences."""

    changed: bool = False
    lines: list[str] = field(default_factory=list)


def request(
    host: Host,
    stack: Stack,
    asked: Asked,
    who: LockHolder,
    *,
    check: bool = False,
    lock_wait: float = 0,
    path: str = "",
) -> ScaleReport:
    """Raises RefusedError, or OperationError once everything that failed is put back."""
    environment = next((name for name in ENVIRONMENTS if name == asked.environment), None)
    if environment is None:
        what = f"{asked.environment!r} is not an environment"
        raise RefusedError([Problem(what, "where", "choose from " + ", ".join(ENVIRONMENTS))])
    if not asked.app or not asked.replicas:
        fix = f"{option('app', '<app>')} {option('replicas', '3')}"
        raise RefusedError([Problem("are not given", "app and replicas", fix)])
    # It stands in the lock, the journal, the status, notifications, on the page.
    redact = redaction.redactor(host, stack)
    scaler = _Scaler(host, stack, environment, asked, dataclasses.replace(who, reason=redact(who.reason)), redact)
    try:
        if check:
            scaler.report.lines.append(f"would scale {scaler.plan().sentence}")
            scaler.report.changed = True
            return scaler.report
        with lock.hold(lock.lock_path(stack.name, environment, host.paths.locks), scaler.who, lock_wait):
            scaler.run(path)
    except NothingToDoError as nothing:
        scaler.report.lines.append(str(nothing))
    except OSError as error:
        where = f"{stack.name} {environment}"
        raise OperationError("the app could not be scaled", where, str(error), host_command("df -h")) from error
    if not check:
        host.page.renew(stack.name)
    return scaler.report


@dataclass
class _Scaler:
    host: Host
    stack: Stack
    environment: EnvironmentName
    asked: Asked
    who: LockHolder
    redact: Redactor
    report: ScaleReport = field(default_factory=ScaleReport)

    def plan(self) -> ScalePlan:
        host, stack, who = self.host, self.stack, self.who
        witnesses.check_router(host)
        now = timestamp(datetime.datetime.fromtimestamp(host.clock.now(), datetime.timezone.utc))
        note = Scale(1, 1, who.person, who.reason, now)
        plan = scale.plan(stack, observe(host, stack), self.environment, self.asked.app, self.asked.replicas, note)
        app = stack.apps.get(plan.app)
        is_web = app is None or app.is_web
        if plan.to > 1 and is_web and not host.router.knows_replicas(stack.name, self.environment, plan.app):
            what = "the router of this host was configured before an app could have several containers"
            raise RefusedError([Problem(what, f"stack {stack.name}", hint("provision"))])
        check_files(host, stack, plan)
        return plan

    def run(self, path: str) -> None:
        """The caller holds the lock."""
        host, stack, environment = self.host, self.stack, self.environment
        begun = host.clock.monotonic()
        left = journal.unfinished(stack.name, environment, host.paths.state)
        self.report.lines += [recover.recover(host, stack, record) for record in left]
        self.report.lines += witnesses.mend(host, stack, environment)
        log = Journal(path or _new_path(host, stack, environment), host.clock, self._header(), redact=self.redact)
        try:
            plan = self.plan()
            log.add("scale", plan=plan.to_json())
            _carry_out(host, stack, plan, log)
            self.report.changed = True
            self.report.lines.append(plan.sentence)
            log.add("end", outcome="succeeded", message=plan.sentence, release=plan.release)
            self._tell(host.clock.monotonic() - begun, plan.sentence)
        except NothingToDoError as nothing:
            log.add("end", outcome="nothing", message=str(nothing))
            raise
        except RefusedError as refused:
            log.add("end", outcome="refused", message=str(refused))
            raise
        except OperationError as error:
            told = redaction.redact_error(error, self.redact)
            if not isinstance(error, OpenScaleError):  # that has no end in the journal, so recovery takes over
                log.add("end", outcome="failed", message=str(error))
            self._tell(host.clock.monotonic() - begun, f"{told.what}: {told.cause}", failed=True)
            raise told from error
        finally:
            log.close()

    def _header(self) -> dict[str, Any]:
        return {
            "operation": "scale",
            "environment": self.environment,
            "person": self.who.person,
            "host": self.who.host,
            "reason": self.who.reason,
            "stack": self.stack.name,
            "apps": [self.asked.app],
            "pid": os.getpid(),
        }

    def _tell(self, seconds: float, message: str, *, failed: bool = False) -> None:
        """Notify whoever is told of operations."""
        asked = Request("scale", self.environment, self.who.person, self.who.host, self.who.reason)
        report = OperationReport("scale", self.stack.name, self.environment, changed=not failed, failed=failed)
        report.message, report.seconds = message, round(seconds, 2)
        event = notifications.end(asked, report.to_json(), socket.gethostname(), self.host.clock.now())
        self.host.notifier.notify(event)


def _carry_out(host: Host, stack: Stack, plan: ScalePlan, log: Journal) -> None:
    scaling = Scaling(host, stack, plan, log)
    try:
        scaling.carry_out()
    except Exception as error:
        log.note(f"failed: {error}")
        try:
            scaling.put_back()
        except Exception as trouble:
            what, where = "the app could neither be scaled nor put back", f"{stack.name} {plan.environment}"
            raise OpenScaleError(what, where, f"{trouble}; before that: {error}", hint("recover")) from error
        raise


def _new_path(host: Host, stack: Stack, environment: EnvironmentName) -> str:
    mine = (name for name in journal.names(stack.name, host.paths.state) if f"-{environment}-" in name)
    moment = next_timestamp(datetime.datetime.fromtimestamp(host.clock.now(), datetime.timezone.utc), mine)
    name = f"{moment}-{environment}-scale-{os.getpid()}.jsonl"
    return os.path.join(journal.directory(stack.name, host.paths.state), name)
