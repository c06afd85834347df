# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drills of an environment say of its backups, for the status, the page and the gate of a promote."""

from __future__ import annotations

import dataclasses

from ..errors import OperationError
from ..planning.backups.pgbackrest import PATIENCE_SECONDS
from ..planning.backups.stanzas import BackedUp, backed_up
from ..planning.drills import Opinion, opinion
from ..planning.gates import Gate
from ..ports import Host
from ..stack.model import EnvironmentName, Stack


def opinions(host: Host, stack: Stack, environment: EnvironmentName, *, ask: bool = False) -> list[Opinion]:
    """One for each database that has been tried. With `ask` also those that never were: since when there are backups of
    one is asked of pgBackRest, which takes a moment."""
    known = host.store.drills(stack.name).get(environment, {})
    found = []
    for one in backed_up(stack, environment, host.store.databases(stack.name)):
        mine, name = known.get(one.database.name, ()), f"database {one.database.name}"
        first = mine[0].at if mine else _first_backup(host, one) if ask else None
        found.append(opinion(name, one.database.drill, mine, host.clock.now(), first))
    return [one for one in found if one is not None]


def _first_backup(host: Host, one: BackedUp) -> float | None:
    try:
        return min((float(it.ended) for it in host.backups.info(one.stanza, seconds=PATIENCE_SECONDS)), default=None)
    except OperationError:
        return None  # that its repository is away is told by the age of its backups


def judged(host: Host, stack: Stack, environment: EnvironmentName, gate: Gate, *, is_skipped: bool) -> Gate:
    """The gate of backups, with what their drills say."""
    found = opinions(host, stack, environment, ask=True)
    bad = [one for one in found if one.word == "NO-GO"]
    if not found:
        return gate
    evidence = "; ".join([gate.evidence, *(one.evidence for one in found)])
    if not bad:
        return dataclasses.replace(gate, evidence=evidence)
    return dataclasses.replace(gate, go=False, evidence=evidence, fix=gate.fix or bad[0].fix, skipped=is_skipped)
