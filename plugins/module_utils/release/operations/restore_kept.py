# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What restores leave until a person says so: clusters of before, and copies to look at."""

from __future__ import annotations

import contextlib

from ..errors import Problem, RefusedError
from ..hints import hint, host_command
from ..process import lock
from ..releases.scratch import ScratchWanted
from ..rendering.databases import size
from .restore_plan import Planner

LOOK = "look"


def look(planner: Planner, *, write: bool) -> list[str]:
    """A copy at that moment, beside what runs, for a person. Nothing waits for it and nothing is closed."""
    host, stanza = planner.host, planner.stanza
    problems: list[Problem] = []
    goal, _known = planner.goal(write=write, problems=problems)
    if goal is None or problems:
        raise RefusedError(problems)
    place = f"{planner.environment}: {planner.database} at {goal.shown}"
    if not write:
        return [f"{place} would be restored to a scratch cluster; {size(goal.size)} are needed, and nothing is closed"]
    wanted = ScratchWanted("look", stanza.name, stanza.version, goal.size)
    with _turn(planner):
        made = host.scratch.make(wanted, lambda directory: host.backups.restore_into(stanza, directory, goal.target))
    return [
        f"{place} is in a scratch cluster, which stays until it is removed or the host restarts",
        f"to look at it: {host_command(f'sudo -u postgres psql -p {made.port} {stanza.database}')}",
        f"to remove it: {hint('restore', where=planner.environment, database=planner.database, drop=LOOK)}",
    ]


def drop(planner: Planner, *, write: bool) -> list[str]:
    """Remove a cluster of before, all of them, or the copy to look at."""
    host, stanza, wanted = planner.host, planner.stanza, planner.wish.drop
    given = [name for name in ("at", "point", "release", "into", "confirm") if getattr(planner.wish, name)]
    if given:
        raise RefusedError([Problem("has no effect on what is removed", name, "leave it out") for name in given])
    kept = host.restores.kept(stanza)
    copy = ScratchWanted("look", stanza.name, stanza.version, 0).name
    there = [*kept, *([LOOK] if copy in host.scratch.found() else [])]
    chosen = list(kept) if wanted == "all" else [name for name in there if name == wanted]
    if not chosen:
        fix = "choose from " + ", ".join([*there, "all"]) if there else "nothing is kept"
        raise RefusedError([Problem(f"{wanted!r} is nothing that is kept", "drop", fix)])
    done = []
    with _turn(planner):
        for name in chosen:
            text = f"the copy of {planner.database}" if name == LOOK else f"{name} ({size(kept[name])})"
            done.append(f"{planner.environment}: {text} {'is removed' if write else 'would be removed'}")
            if write and name == LOOK:
                host.scratch.remove(copy)
            elif write:
                host.restores.drop(stanza, name)
    return done


def _turn(planner: Planner) -> contextlib.AbstractContextManager[None]:
    """No two at the same copy, and no restore on its way."""
    path = lock.lock_path(planner.stack.name, f"restored-{planner.environment}", planner.host.paths.locks)
    return lock.hold(path, planner.who, 0)
