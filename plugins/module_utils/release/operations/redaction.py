# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeping known secrets, credentials and control characters out of what an operation reports and records.

Apps, builds, git and Docker print what they like, and people read it in a terminal, a journal, a notification, a page.
Whatever an operation leaves behind passes through here, rather than each text at its source.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping

from ..env.env_file import parse_env
from ..env.secret_forms import Redactor
from ..errors import OperationError, ReleaseError
from ..ports import Host
from ..releases.compose import PRIVATE_KEY
from ..releases.report import OperationReport
from ..releases.status import EnvironmentStatus, OperationSummary, ReleaseSummary, StatusReport
from ..stack.model import ENVIRONMENTS, Stack
from ..util.printable import shortened
from . import witnesses

#: Of a key in PEM, which has 64 characters in a line; its last line may be as short as one.
SHORTEST_KEY_LINE = 16


def redactor(host: Host, stack: Stack) -> Redactor:
    """One that knows the secrets of a stack."""
    known = Redactor()
    learn_all(known, host, stack)
    return known


def learn_all(known: Redactor, host: Host, stack: Stack) -> None:
    """Know today's secrets of a stack, and those of the releases that are live: their containers may be older than
    today's values."""
    with contextlib.suppress(OSError, ValueError):
        known.learn({PRIVATE_KEY: _key_lines(host.store.private_key(stack))})
    for environment in ENVIRONMENTS:
        # What cannot be read is reported by whoever needs it.
        with contextlib.suppress(OSError, ValueError, ReleaseError):
            learn(known, stack, host.store.config_env(stack, environment))
        with contextlib.suppress(OSError, ValueError, ReleaseError):
            live = witnesses.live(host, stack.name, environment)
            learn(known, stack, host.store.release_env(stack, live.release) if live else {})


def _key_lines(pem: bytes) -> list[str]:
    """The key itself, line by line, as apps print it: with or without its line breaks."""
    lines = pem.decode("ascii", "replace").split()
    return [line for line in lines if len(line) >= SHORTEST_KEY_LINE and "-" not in line]


def learn(known: Redactor, stack: Stack, env: Mapping[str, bytes | None]) -> None:
    """Know the secrets among these env files, too."""
    found: dict[str, list[str]] = {}
    for data in env.values():
        for name, value in parse_env(data or b"").items():
            if name in stack.secrets:
                found.setdefault(name, []).append(value)
    known.learn(found)


def redact_error(error: OperationError, redact: Redactor) -> OperationError:
    """The same error without secrets."""
    where, cause, fix = redact(error.where), redact(error.cause), redact(error.fix)
    return type(error)(redact(error.what), where, cause, fix, log=_lines(error.log, redact))


def redact_report(report: OperationReport, redact: Redactor) -> None:
    """Take secrets out of all that others have written into a report. Names and numbers are the engine's own."""
    report.message, report.fix = redact(report.message), redact(report.fix)
    report.log, report.recovered = _lines(report.log, redact), _lines(report.recovered, redact)
    report.notes = _lines(report.notes, redact)
    for problem in report.problems:
        problem["what"], problem["where"] = redact(problem["what"]), redact(problem["where"])
        problem["fix"] = redact(problem["fix"])
    for gate in report.gates:
        gate["evidence"] = redact(gate["evidence"])
    _shorten(report)


def _shorten(report: OperationReport) -> None:
    """Cut what others have written, now that no cut can leave half a secret."""
    report.message, report.log = shortened(report.message), [shortened(line) for line in report.log]
    for problem in report.problems:
        problem["what"], problem["where"] = shortened(problem["what"]), shortened(problem["where"])
    for gate in report.gates:
        gate["evidence"] = shortened(gate["evidence"])


def _lines(texts: Iterable[str], redact: Redactor) -> list[str]:
    """An excerpt of a log keeps its line breaks, and nothing else that acts on a terminal."""
    return [redact(line) for text in texts for line in (text.splitlines() or [""])]


def redact_status(found: StatusReport, redact: Redactor) -> StatusReport:
    """The same status without secrets in what apps answer and people write; journals and releases of an earlier
    engine hold some."""
    return dataclasses.replace(
        found,
        environments={name: _environment(status, redact) for name, status in found.environments.items()},
        rollback=dataclasses.replace(found.rollback, text=redact(found.rollback.text)),
        history=redact_releases(found.history, redact),
        flags=tuple(redact(text) for text in found.flags),
        maintenance=tuple(redact(text) for text in found.maintenance),
        damage=tuple(redact(text) for text in found.damage),
    )


def _environment(status: EnvironmentStatus, redact: Redactor) -> EnvironmentStatus:
    holder = status.running_operation
    return dataclasses.replace(
        status,
        apps={name: dataclasses.replace(app, cause=redact(app.cause)) for name, app in status.apps.items()},
        services={name: dataclasses.replace(one, cause=redact(one.cause)) for name, one in status.services.items()},
        jobs={name: dataclasses.replace(job, suspended=redact(job.suspended)) for name, job in status.jobs.items()},
        running_operation=dataclasses.replace(holder, reason=redact(holder.reason)) if holder else None,
        operations=redact_operations(status.operations, redact),
    )


def redact_releases(rows: Iterable[ReleaseSummary], redact: Redactor) -> tuple[ReleaseSummary, ...]:
    """Releases of the history, whose reasons people have written."""
    return tuple(dataclasses.replace(row, reason=redact(row.reason)) for row in rows)


def redact_operations(rows: Iterable[OperationSummary], redact: Redactor) -> tuple[OperationSummary, ...]:
    """Operations from their journals, whose messages may quote apps and builds."""
    return tuple(dataclasses.replace(row, message=redact(row.message), reason=redact(row.reason)) for row in rows)
