# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of a migration that did not come to its end, or of a database that cannot be asked."""

from __future__ import annotations

from ..errors import OperationError
from ..hints import hint
from ..releases.runs import Run
from ..releases.schema import AppSchema, Standing, shown
from ..stack.migrate import Migrate
from .migrations import told, without_data

#: Of what a command printed, the last lines.
LOG_LINES = 20


def _words(command: tuple[str, ...]) -> str:
    return f"`{' '.join(command)}`"


def unanswered(run: Run, where: str, what: str) -> OperationError:
    """A question that was not answered, before anything was begun."""
    lines = without_data(run.log)
    cause = ": ".join(part for part in (run.message, told(lines).error) if part)
    fix = (
        f"see whether the database answers, and what {_words(run.command)} says; a database that is ahead of its image"
    )
    fix += f" goes with a release of the history: {hint('rollback', release='<id>')} never migrates"
    return OperationError(f"{run.app}: {what} cannot be asked", where, cause, fix, log=lines[-LOG_LINES:])


def not_there(app: str, where: str, migrate: Migrate, standing: Standing, after: AppSchema) -> OperationError:
    """The command says that all went well, and the database says otherwise."""
    wanted = f"the image brings {standing.wanted}" if standing.wanted is not None else "it cannot be asked any more"
    fix = f"let {_words(migrate.command)} bring what {_words(migrate.target or migrate.revision)} says"
    what = f"the migration of {app} ended with success, but not where it was to"
    return OperationError(what, where, f"applied now: {after.shown}; {wanted}", fix)


def failed(run: Run, where: str, migrate: Migrate, begun: AppSchema, after: AppSchema, waits: int) -> OperationError:
    """Which migration, which statement, what is applied now, and the way on. `waits` counts attempts that ended because
    they waited for a lock in vain, the last one included."""
    lines = without_data(run.log)
    how = {"timed_out": "took too long", "interrupted": "was interrupted"}.get(run.outcome, "failed")
    if waits:
        how = f"waited {waits} times for a lock in vain"
    if migrate.before_retry and run.command == migrate.before_retry:
        how = f"was not begun again, since {_words(run.command)} did not succeed"
    applied = f"applied now: {after.shown}" + (
        ", as before" if after.revision == begun.was else f"; before: {shown(begun.was)}"
    )
    cause = ". ".join(part for part in (told(lines).sentence, run.message if run.outcome != "failed" else "") if part)
    fix = (
        "mend the migration and release again, which goes on from what is applied. Without a transaction a part of it "
        f"may be done: look first. What is applied: {hint('status')}"
    )
    if waits:
        fix = f"see who holds the lock (pg_stat_activity), or release again when it is quiet; {fix}"
    return OperationError(
        f"the migration of {run.app} {how}", where, f"{cause or run.message}; {applied}", fix, log=lines[-LOG_LINES:]
    )


def not_taken_back(run: Run, where: str, wanted: str, begun: AppSchema, after: AppSchema) -> OperationError:
    """A schema that was to go back, and has not arrived there."""
    lines = without_data(run.log)
    ended = run.outcome == "succeeded"
    how = "ended with success, but not where it was to" if ended else "failed"
    cause = ". ".join(part for part in (told(lines).sentence if not ended else "", run.message) if part)
    applied = f"applied now: {after.shown}, wanted: {wanted}, before: {shown(begun.was)}"
    fix = (
        f"see what {_words(run.command)} says; without a transaction a part of it may be done, so look first. What is "
        f"applied: {hint('status')}"
    )
    what = f"taking back the schema of {run.app} {how}"
    return OperationError(
        what, where, ". ".join(part for part in (cause, applied) if part), fix, log=lines[-LOG_LINES:]
    )
