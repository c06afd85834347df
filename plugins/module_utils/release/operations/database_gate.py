# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the databases that a release needs answer and have room, before anything is built, migrated or started. A
rollback does not ask: it is what is left when other things are wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Problem
from ..planning import gates
from ..planning.databases import troubles
from ..planning.preflight import selected
from ..ports import Host
from ..releases.request import Request
from ..stack.model import Stack
from ..util.lazy import lazy_part

if TYPE_CHECKING:
    from ..releases.databases import DatabaseStatus
    from . import databases
else:
    databases = lazy_part(".databases", __package__)


def gate(host: Host, stack: Stack, request: Request) -> list[gates.Gate]:
    """Of a promote. Nothing is asked of a stack whose databases live elsewhere, or in files."""
    name, found = "databases_answer", _asked(host, stack, request)
    if not found:
        return []
    wrong = {one: it for one, it in found.items() if troubles.trouble(it)}
    if not wrong:
        return [gates.Gate(name, True, f"{len(found)} databases of {request.environment} answer")]
    what = "do not answer" if any(it.is_silent for it in wrong.values()) else "have no room"
    told = ", ".join(f"{one} ({troubles.cause(it)})" for one, it in wrong.items())
    fix = "; ".join(dict.fromkeys(troubles.fix(it) for it in wrong.values()))
    evidence = f"databases of {request.environment} {what}: {told}"
    return [gates.Gate(name, False, evidence, fix, name in request.skip_gates)]


def problems(host: Host, stack: Stack, request: Request) -> list[Problem]:
    """Of a deploy, before it builds."""
    return [
        Problem(text, f"database {name} of {stack.name} {request.environment}", troubles.fix(it))
        for name, it in _asked(host, stack, request).items()
        if (text := troubles.trouble(it))
    ]


def _asked(host: Host, stack: Stack, request: Request) -> dict[str, DatabaseStatus]:
    """Those that the apps of the release use. That one was never made is told of its address."""
    mine = stack.databases_in(request.environment)
    used = {stack.apps[name].database for name in selected(stack, request) if name in stack.apps}
    if not any(one.is_here for name, one in mine.items() if name in used):
        return {}
    made = host.store.databases(stack.name).get(request.environment, {})
    found = databases.statuses(host, stack, request.environment)
    return {name: it for name, it in found.items() if name in used and name in made and mine[name].is_here}
