# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an app's database is brought to the schema that its image wants, as people write it.

Every tool keeps its own list of what is applied. So a stack says how to ask it: `revision` prints what the database
has. Whether something is to be done is answered by `target`, which prints what the image brings in the same words
(alembic, plain SQL), or by `check`, which ends with 0 when nothing is (Django, Prisma, dbmate).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import Problem
from ..util.fields import Fields

LOCK_SECONDS = 3.0
STATEMENT_SECONDS = 60.0
TIMEOUT_SECONDS = 300
RETRIES = 3
PAUSE_SECONDS = 5
#: What stands in `down` for the revision to go back to.
REVISION = "{revision}"
_EXAMPLE = (
    "for example `migrate: {command: [alembic, upgrade, head], revision: [alembic, current], target: [alembic, heads]}`"
)


@dataclass(frozen=True)
class Migrate:
    """The commands of an app's migrations, in a container of its image, and the limits of what they may do."""

    command: tuple[str, ...]
    revision: tuple[str, ...]
    #: One of both.
    target: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    #: Carried out before one that failed or waited in vain is begun again: some tools refuse that until they are told.
    before_retry: tuple[str, ...] = ()
    #: Goes back to the revision that stands for REVISION in it, or, without that, undoes the newest migration.
    down: tuple[str, ...] = ()
    #: How long the command may take, with all its attempts.
    timeout_seconds: int = TIMEOUT_SECONDS
    #: How long one statement may wait for a lock, while visitors wait behind it, and how long it may take.
    lock_seconds: float = LOCK_SECONDS
    statement_seconds: float = STATEMENT_SECONDS
    #: How often it is begun again after it has waited for a lock in vain, and how long after.
    retries: int = RETRIES
    pause_seconds: int = PAUSE_SECONDS
    #: Apps whose migrations go before, because they are of the same database.
    after: tuple[str, ...] = ()
    #: Why a promote does not try them on a copy first; empty if it does.
    no_rehearsal: str = ""


def read_migrate(fields: Fields, kind: str, problems: list[Problem]) -> Migrate | None:
    data = fields.value("migrate")
    if data is None:
        return None
    inner = Fields(data, f"{fields.where}.migrate", problems)
    found = Migrate(
        command=inner.texts("command"),
        revision=inner.texts("revision"),
        target=inner.texts("target"),
        check=inner.texts("check"),
        before_retry=inner.texts("before_retry"),
        down=inner.texts("down"),
        timeout_seconds=inner.integer("timeout_seconds", TIMEOUT_SECONDS, 1, 86400),
        lock_seconds=inner.number("lock_seconds", LOCK_SECONDS, 0.1, 600),
        statement_seconds=inner.number("statement_seconds", STATEMENT_SECONDS, 0.1, 86400),
        retries=inner.integer("retries", RETRIES, 0, 100),
        pause_seconds=inner.integer("pause_seconds", PAUSE_SECONDS, 1, 600),
        after=inner.texts("after"),
        no_rehearsal=inner.text("no_rehearsal"),
    )
    inner.no_others()
    if not isinstance(data, Mapping):
        return found
    for key in ("command", "revision"):
        if not inner.value(key):
            inner.note(key, "is missing", _EXAMPLE)
    if found.target and found.check:
        inner.note("check", "does not go with `target`: both say whether something is to be done", "remove one of them")
    elif not (found.target or found.check):
        fix = (
            "add `target`, which prints what the image brings, or `check`, which ends with 0 when nothing is to be done"
        )
        inner.note("", "does not say how to find out whether something is to be done", fix)
    if kind == "job":
        fields.note("migrate", "is for apps that go on running", "give it to the app whose database it is")
    return found


def check_migrations(migrations: Mapping[str, Migrate], where: str) -> list[Problem]:
    """Checks across the apps of a stack: unknown names, and apps that wait for each other."""
    known = ", ".join(migrations)
    found = [
        Problem(f"goes after {name!r}, which has no `migrate`", f"{where}.apps.{app}.migrate.after", f"known: {known}")
        for app, migrate in migrations.items()
        for name in migrate.after
        if name not in migrations
    ]
    try:
        in_order(migrations)
    except ValueError as error:
        found.append(Problem(str(error), f"{where}.apps", "break the cycle in `migrate.after`"))
    return found


def in_order(migrations: Mapping[str, Migrate]) -> list[str]:
    """The apps one after the other, each after those that it names; else by name. Raises ValueError on a cycle."""
    waiting = {name: {other for other in it.after if other in migrations} for name, it in sorted(migrations.items())}
    order: list[str] = []
    while waiting:
        ready = next((name for name, needs in waiting.items() if not needs), None)
        if ready is None:
            raise ValueError("migrations wait for each other: " + ", ".join(waiting))
        order.append(ready)
        del waiting[ready]
        for needs in waiting.values():
            needs.discard(ready)
    return order
