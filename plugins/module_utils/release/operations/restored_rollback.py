# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollback past a migration that took something away, with the data of just before it.

Two operations, each with a journal of its own: the databases are restored with the environment closed, then the older
release goes live, then the environment is opened. Killed in the first, recovery puts all back or finishes it; killed
between them, the environment stays closed and the status says how to go on.
"""

from __future__ import annotations

import dataclasses

from ..env.secret_forms import Redactor
from ..errors import OperationError, RefusedError
from ..hints import hint
from ..planning import rollback, schema_ways
from ..planning.maintenance import Wish as MaintenanceWish
from ..planning.restores import Wish
from ..planning.schema_steps import Way
from ..ports import Host
from ..process import lock
from ..releases.report import OperationReport, problem_row
from ..releases.request import Request
from ..stack.model import Stack
from . import maintenance, restore, runner, schemas
from .observe import observe


def run(
    host: Host, stack: Stack, request: Request, *, check: bool, journal_path: str, redact: Redactor | None
) -> OperationReport:
    """Restore each database that is ahead of the release, then go back to it. Expected failures are in the report."""
    # Whatever speaks against it is known before the environment is closed.
    report = runner.run_alone(host, stack, request, check=True, redact=redact)
    if report.failed or not report.release:
        return report
    request = dataclasses.replace(request, release=report.release)
    wishes = _wishes(host, stack, request)
    who = lock.this_process("rollback", request.person, request.host, host.clock.now(), request.reason)
    is_closed_here = bool(stack.web_apps) and not maintenance_lasts(host, stack, request)
    lines: list[str] = []
    try:
        for wish in wishes:
            lines += restore.request(host, stack, wish, who, check=check, lock_wait=request.lock_wait).lines
    except (RefusedError, OperationError) as error:
        return _failed(report, error)
    if check:
        report.notes = [*lines, *report.notes]
        return report
    plain = dataclasses.replace(request, database="", confirm="")
    done = runner.run_alone(host, stack, plain, journal_path=journal_path, redact=redact)
    done.notes = [*lines, *done.notes]
    if done.failed:
        more = f"; its database has gone back, and {request.environment} stays closed until a release is live on it"
        done.message += more
        done.notes.append(f"once that is mended: {hint('rollback', release=request.release)}, then {_open(request)}")
    elif is_closed_here:
        try:
            maintenance.request(host, stack, MaintenanceWish("off", request.environment, ""), who)
        except (RefusedError, OperationError) as error:
            done.notes.append(f"{request.environment} is still closed: {error}; {_open(request)}")
    return done


def maintenance_lasts(host: Host, stack: Stack, request: Request) -> bool:
    """Whether somebody has closed the environment: then it stays closed."""
    known = host.maintenance.recorded(stack.name, request.environment)
    return any(one.place == ("", "") for one in known)


def _wishes(host: Host, stack: Stack, request: Request) -> list[Wish]:
    """One for each database: apps that share one have their restore points in it, and the first of them counts."""
    target = rollback.choose(stack, observe(host, stack), request)
    going = schema_ways.to_bring_down(schemas.ways(host, stack, target))
    points = host.store.restore_points(stack.name).get(request.environment, {})
    found: dict[str, Way] = {}
    for way in going:
        database = stack.apps[way.app].database if way.app in stack.apps else ""
        order = [point.name for point in points.get(database, ())]
        if database not in found or _place(order, way) < _place(order, found[database]):
            found[database] = way
    return [
        Wish(request.environment, database, point=way.restore_point, confirm=request.confirm, then=request.release)
        for database, way in found.items()
    ]


def _place(order: list[str], way: Way) -> int:
    return order.index(way.restore_point) if way.restore_point in order else len(order)


def _failed(report: OperationReport, error: RefusedError | OperationError) -> OperationReport:
    report.failed = True
    if isinstance(error, RefusedError):
        report.message = "refused, nothing was changed"
        report.problems = [problem_row(problem) for problem in error.problems]
        return report
    report.message = f"{error.what}: {error.cause}"
    report.problems = [{"what": report.message, "where": error.where, "fix": error.fix}]
    report.log, report.fix = error.log, error.fix
    return report


def _open(request: Request) -> str:
    return hint("maintenance", state="off", where=request.environment)
