# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate of a promote that asks whether production bears the migrations that it brings.

What was rehearsed ahead is believed as long as it fits. Otherwise the promote rehearses, after all other gates: whoever
types it wants one answer, not another command.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from ..errors import Problem, RefusedError
from ..planning import declarations, rehearsal_verdict, rehearsals
from ..planning.declarations import Declared
from ..planning.gates import Gate
from ..ports import Host
from ..process import lock
from ..process.journal import Journal
from ..releases.host_state import HostState
from ..releases.plan import Plan
from ..releases.rehearsal import Rehearsal
from ..releases.release import Release
from ..releases.request import Request
from ..releases.slot import stack_of
from ..stack.model import Stack
from . import rehearsal

NAME = "migration_safe"


def gate(host: Host, stack: Stack, state: HostState, request: Request, plan: Plan, log: Journal) -> list[Gate]:
    """Empty where nothing is migrated in production, or nobody is there who could be hurt."""
    day, live = stack_of(plan.release, stack), state.live_entry("production")
    apps = to_migrate(host, stack, state, plan) if live else []
    if not apps:
        return []
    can, cannot = rehearsal_verdict.split(day, apps)
    if not can:
        return [Gate(NAME, True, "; ".join(cannot))]
    is_skipped = NAME in request.skip_gates
    found = known(host, stack, state, plan, can)
    if found is None and (log.path is None or is_skipped):
        text = f"the migrations of {', '.join(can)} were not rehearsed"
        how = f"{text}; the promote would do so" if not is_skipped else text
        return [Gate(NAME, not is_skipped, "; ".join([how, *cannot]), skipped=is_skipped)]
    if found is None:
        with log.step("rehearse", f"rehearse the migrations of {', '.join(can)} on a copy of production"):
            who = lock.this_process("rehearse", request.person, request.host, host.clock.now())
            wanted = rehearsal.Wanted(plan, state.env_of("production"), can)
            found = rehearsal.rehearse(host, stack, wanted, who, log.note)
    judged = judge(host, stack, state, plan, found)
    evidence = "; ".join([*judged.evidence, *cannot])
    return [Gate(NAME, not judged.wrong, evidence, judged.fix, bool(judged.wrong) and is_skipped)]


def to_migrate(host: Host, stack: Stack, state: HostState, plan: Plan) -> list[str]:
    """The apps whose databases the plan would migrate in production, as far as is known."""
    live, schemas = state.live_entry("production"), host.store.schemas(stack.name)
    day = stack_of(plan.release, stack)
    return rehearsals.pending(day, plan.release, live, schemas["staging"], schemas["production"])


def known(host: Host, stack: Stack, state: HostState, plan: Plan, apps: Sequence[str]) -> Rehearsal | None:
    """What was rehearsed ahead, if it fits."""
    live = state.live_entry("production")
    return rehearsals.fitting(
        host.store.rehearsals(stack.name),
        rehearsals.Fit(plan.release, live.release if live else None, tuple(apps)),
        host.store.schemas(stack.name)["production"],
        state.now,
    )


def judge(host: Host, stack: Stack, state: HostState, plan: Plan, found: Rehearsal) -> rehearsal_verdict.Judgement:
    """What a rehearsal says, with what the source declares."""
    day = stack_of(plan.release, stack)
    declared = [line for it in found.apps for line in declared_by(host, stack, plan.release, it.app)]
    live = state.live["production"]
    wrong: list[Problem] = []
    for it in found.apps:
        mine = declarations.used_by(it, declared) if it.verdict == "contract" else []
        wrong += declarations.release_problems(mine, state.entries, "production", live.release if live else "")
    return rehearsal_verdict.judge(found, day.migrations, declared, wrong)


def declared_by(host: Host, stack: Stack, release: Release, app: str) -> list[Declared]:
    """What the source of an app says of its migrations. Raises RefusedError if that cannot be understood."""
    day = stack_of(release, stack)
    it = day.apps[app]
    folder = posixpath.normpath((day.apps[it.image_of] if it.image_of else it).context)

    def is_wanted(path: str, size: int) -> bool:
        is_mine = folder == "." or path.startswith(f"{folder}/")
        return is_mine and posixpath.basename(path) == declarations.FILE and size <= declarations.LARGEST + 1

    found: list[Declared] = []
    problems: list[Problem] = []
    for path, data in host.git.texts(stack, release.commits.get(app, release.commit), [folder], is_wanted):
        lines, wrong = declarations.read(path, data)
        found += lines
        problems += wrong
    if problems:
        raise RefusedError(problems)
    return found
