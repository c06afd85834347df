# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations: what their tools print, and what is said of it. Nothing here knows a tool: only how they print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..env.env_file import fingerprint
from ..hints import hint
from ..releases.compose import escaped
from ..releases.plan import Plan
from ..releases.release import Release
from ..releases.schema import AppSchema, Schemas
from ..stack.migrate import Migrate
from ..util.printable import clean
from .schema_steps import lost

#: Of a revision, in characters. A longer one is told by its last line and a fingerprint.
LONGEST_REVISION = 120
LONGEST_STATEMENT = 400
#: What PostgreSQL and its drivers say where a lock was waited for longer than allowed (SQLSTATE 55P03).
_LOCK_WAIT = re.compile(r"lock timeout|LockNotAvailable|lock_not_available|\b55P03\b", re.IGNORECASE)
#: Alembic marks what is the image's newest, and no other image would.
_MARKS = re.compile(r"(\s*\([A-Za-z ,]+\))+$")
#: How tools name what they begin: alembic, Django, Prisma, dbmate, node-pg-migrate.
_BEGINS = (
    re.compile(r"Running upgrade (?:\S+ )?-> (\S+?)(?:, .*)?$"),
    re.compile(r"Applying ([\w.-]+?)(?:\.\.\.|$)"),
    re.compile(r"Applying:? `?([\w.-]+)"),
    re.compile(r"Migration name: (\S+)"),
    re.compile(r"### MIGRATION (\S+) \(UP\)"),
)
_SQL_BEGINS = re.compile(r"^\[SQL: ?|^STATEMENT: +|^LINE \d+: ")
_ERROR = re.compile(r"error|fatal|failed|exception|denied|refused|not found|can't|cannot", re.IGNORECASE)
#: What holds rows of the table, not its shape: PostgreSQL's details, SQLAlchemy's parameters.
_DATA = re.compile(r"^(\s*DETAIL: |\[parameters: |CONTEXT: +COPY )")
_NOISE = ("(Background on this error", "[SQL: ")


def revision_of(lines: Iterable[str]) -> str:
    """What a tool printed as the revision, so that two images say the same of the same database. Empty: nothing is
    applied."""
    found = sorted({text for line in lines if (text := _MARKS.sub("", clean(line).strip()))})
    text = ", ".join(found)
    if len(text) <= LONGEST_REVISION:
        return text
    return f"{len(found)} lines, the last {found[-1][:40]}, fingerprint {fingerprint(text)[:12]}"


def is_lock_wait(lines: Iterable[str]) -> bool:
    """Whether a migration ended because it waited for a lock in vain: nothing is wrong with it."""
    return any(_LOCK_WAIT.search(line) for line in lines)


def without_data(lines: Iterable[str]) -> list[str]:
    """The same without what people have stored: an error of a constraint quotes the row."""
    return ["(left out: it quotes data)" if _DATA.match(line) else line for line in lines]


class Told(NamedTuple):
    """Which migration and which statement it was, and what the database said; empty where nothing tells."""

    migration: str = ""
    statement: str = ""
    error: str = ""

    @property
    def sentence(self) -> str:
        parts = [f"migration {self.migration}"] if self.migration else []
        parts += [f"statement {self.statement}"] if self.statement else []
        return ": ".join([", ".join(parts), self.error] if parts and self.error else [", ".join(parts) or self.error])


def told(lines: Sequence[str]) -> Told:
    """What the output of a migration that failed says of its cause."""
    migration, statement, error = "", "", ""
    for number, line in enumerate(lines):
        found = [match[1] for pattern in _BEGINS if (match := pattern.search(line))]
        migration = found[0] if found else migration
        if _SQL_BEGINS.match(line):
            statement = _statement(lines, number)
        elif _ERROR.search(line) and not line.startswith(_NOISE) and not _DATA.match(line):
            error = line.strip()
    last = next((line.strip() for line in reversed(lines) if line.strip() and not _DATA.match(line)), "")
    return Told(migration, statement, error or last)


def _statement(lines: Sequence[str], number: int) -> str:
    """A statement as it was printed, on one line. SQLAlchemy's goes on until its bracket closes."""
    found = [_SQL_BEGINS.sub("", lines[number])]
    if lines[number].startswith("[SQL:"):
        for line in lines[number + 1 :]:
            if found[-1].endswith("]"):
                break
            found.append(line)
        found[-1] = found[-1].removesuffix("]")
    text = " ".join(" ".join(found).split())
    return text if len(text) <= LONGEST_STATEMENT else f"{text[:LONGEST_STATEMENT]}…"


def limits(migrate: Migrate, environment: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Keys of Compose that its container has of its own: what libpq and its like tell the server at the beginning of
    each session. Options that the app has already stay."""
    # Of a Compose file, where a dollar is written twice; the values are not.
    before = environment.get("PGOPTIONS") or escaped(values.get("PGOPTIONS", ""))
    own = f"-c lock_timeout={_ms(migrate.lock_seconds)} -c statement_timeout={_ms(migrate.statement_seconds)}"
    # The first process of a container has no default for SIGTERM: without an init a tool would not hear it.
    return {"init": True, "environment": {**environment, "PGOPTIONS": f"{before} {own}".strip()}}


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def unchanged(live: Release, new: Release, known: Schemas, then: Mapping[str, str]) -> set[str]:
    """The apps whose image and values are those that are live: these bring nothing new. After a rollback such an image
    may be older than its database, and most tools refuse to look at that. `then` are the revisions that the live
    release went live with: a database that has gone back since has something to do."""
    if live.env != new.env:
        return set()
    before = live.definition.get("apps", {})
    return {
        app
        for app, schema in known.items()
        if schema.is_settled
        and not schema.is_behind(then.get(app))
        and before.get(app, {}).get("migrate")
        and live.images.get(app) == new.images.get(app)
    }


def kept_sentence(app: str, mine: AppSchema, plan: Plan) -> str:
    """What is said of a schema that outlives the release that brought it."""
    text = f"{app}: its database keeps {mine.shown}, which {plan.release.id} brought"
    brought = [step for step in mine.steps if step.release == plan.release.id and step.verdict == "contract"]
    if not brought:
        return text
    text += f", by a contract step: {'; '.join(lost(step) for step in brought)}"
    if plan.environment != "production" or plan.was is None:
        return f"{text}. Mend it forward: {hint('deploy_staging')}"
    back = hint("rollback", release=plan.was.release, database="downgrade", confirm=plan.environment)
    return f"{text}. If {plan.was.release} needs it: {back}, or mend it forward"


def carried_out(lines: Iterable[str]) -> tuple[str, ...]:
    """The migrations that a tool said it began, in order."""
    found = [match[1] for line in lines for pattern in _BEGINS if (match := pattern.search(line))]
    return tuple(dict.fromkeys(found))
