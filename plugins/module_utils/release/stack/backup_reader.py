# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading how a database is backed up."""

from __future__ import annotations

from typing import Any

from ..errors import Problem
from ..util.fields import Fields
from .backups import EVERY, NEVER, OF_POSTGRESQL, REPOSITORIES, Backup

LONGEST_DAYS = 3650


def read_backup(data: Any, where: str, problems: list[Problem], *, engine: str) -> Backup | None:
    """None where nothing is said of it. `true` stands for what is usual."""
    if data is None or data is False:
        return None
    fields = Fields({} if data is True else data, where, problems)
    usual = Backup() if engine == "postgresql" else Backup(dump=NEVER)
    for key in OF_POSTGRESQL if engine != "postgresql" else ():
        if fields.value(key) not in (None, getattr(usual, key)):
            fields.note(key, f"has no effect with `engine: {engine}`, which is copied as a file", "remove it")
    found = Backup(
        repository=_repositories(fields),
        full=fields.choice("full", usual.full, ("daily", "weekly")),
        incremental=fields.choice("incremental", usual.incremental, tuple(EVERY)),
        dump=fields.choice("dump", usual.dump, (*EVERY, NEVER)),
        keep_days=fields.integer("keep_days", usual.keep_days, 1, LONGEST_DAYS),
        too_old_hours=fields.integer("too_old_hours", 0, 0, 24 * LONGEST_DAYS),
    )
    fields.no_others()
    return _usable(fields, found, usual)


def _repositories(fields: Fields) -> tuple[str, ...]:
    value = fields.value("repository", list(Backup().repository))
    names = [value] if isinstance(value, str) else value
    known = ", ".join(REPOSITORIES)
    if not isinstance(names, (list, tuple)) or not names or any(name not in REPOSITORIES for name in names):
        fields.note("repository", f"{names!r} is no place for backups", f"choose of {known}, or give a list of both")
        return Backup().repository
    if len(set(names)) != len(names):
        fields.note("repository", "names one of them twice", "remove one")
    return tuple(dict.fromkeys(names))


def _usable(fields: Fields, found: Backup, usual: Backup) -> Backup:
    """The same, with the usual in place of words that are none, which were noted."""
    if found.full not in EVERY or found.incremental not in EVERY or found.dump not in (*EVERY, NEVER):
        return usual
    if EVERY[found.incremental] > EVERY[found.full]:
        what = f"is less often than `full: {found.full}`"
        fields.note("incremental", what, f"choose `incremental: {found.full}` or more often")
    week = EVERY[found.full] / EVERY["daily"]
    if isinstance(found.keep_days, int) and found.keep_days < week:
        what = f"{found.keep_days} days are less than the time between two full backups"
        fields.note("keep_days", what, f"keep at least {week:.0f}, or choose `full: daily`")
    if found.too_old_hours and found.too_old_hours * 3600 < EVERY[found.incremental]:
        what = f"{found.too_old_hours} hours are less than the time between two backups"
        fields.note("too_old_hours", what, "choose more hours, or back up more often")
    return found
