# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How old backups are, and what is wrong with them: for the status, the page, the alarm and the gate of a promote."""

from __future__ import annotations

import contextlib
from typing import Literal, NamedTuple

from ..errors import OperationError
from ..planning.backups import judged, schedule
from ..planning.backups.schedule import Age
from ..planning.backups.stanzas import backed_up
from ..planning.gates import Gate
from ..ports import Host
from ..releases.backups import Archive
from ..releases.request import Request
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from . import drill_opinions


class Trouble(NamedTuple):
    """Something that is wrong, and by which name it is told once."""

    environment: EnvironmentName | Literal[""]
    subject: str
    sentence: str


class Seen(NamedTuple):
    """What there is to say of an environment's backups; what belongs to none is production's."""

    lines: list[str]
    troubles: list[Trouble]


def seen(host: Host, stack: Stack, environment: EnvironmentName) -> Seen:
    now, ages = host.clock.now(), _ages(host, stack, environment)
    found = [
        Trouble(age.task.environment, age.task.key, judged.sentence(age))
        for age in ages
        if age.record.failed_at or age.is_too_old
    ]
    for name, archive in _archives(host, stack, environment).items():
        if text := judged.archive_trouble(name, archive, now):
            found.append(Trouble(environment, f"{name}: archive", text))
    tried = drill_opinions.opinions(host, stack, environment)
    found += [Trouble(environment, f"{environment} drill", one.evidence) for one in tried if one.word != "go"]
    said = [f"{environment} {one.evidence}" for one in tried if one.word == "go"]
    return Seen([*(judged.sentence(age) for age in ages), *said], found)


def troubles(host: Host, stack: Stack) -> list[Trouble]:
    return [trouble for environment in ENVIRONMENTS for trouble in seen(host, stack, environment).troubles]


def lines(host: Host, stack: Stack) -> list[str]:
    """How old everything is, one line each, and what is wrong with the archive."""
    told = []
    for environment in ENVIRONMENTS:
        found = seen(host, stack, environment)
        told += [*found.lines, *(it.sentence for it in found.troubles if it.sentence not in found.lines)]
    return told


def gate(host: Host, stack: Stack, request: Request) -> list[Gate]:
    """Whether what a promote could break can be brought back. Nothing is looked at where nothing is backed up."""
    if not stack.has_backups("production"):
        return []
    ages = [age for age in _ages(host, stack, "production") if age.task.environment]
    if not ages:
        return []
    archives = _archives(host, stack, "production")
    found = judged.gate(ages, archives, host.clock.now(), request.skip_gates)
    is_skipped = found.name in request.skip_gates
    return [drill_opinions.judged(host, stack, "production", found, is_skipped=is_skipped)]


def _ages(host: Host, stack: Stack, environment: EnvironmentName) -> list[Age]:
    mine = [environment, *([""] if environment == "production" else [])]
    tasks = [it for it in schedule.tasks(stack, host.store.databases(stack.name)) if it.environment in mine]
    return schedule.ages(tasks, host.store.backup_records(stack.name), host.clock.now())


def _archives(host: Host, stack: Stack, environment: EnvironmentName) -> dict[str, Archive]:
    """How the logs of the databases that are backed up arrive; of one that does not answer nothing is known."""
    found = {}
    for one in backed_up(stack, environment, host.store.databases(stack.name)):
        with contextlib.suppress(OperationError):
            found[f"{environment} database {one.database.name}"] = host.backups.archive(one.stanza)
    return found
