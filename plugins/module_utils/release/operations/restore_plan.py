# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a restore would be, found out before anything is touched: the database, the moment, what is lost, whether it
fits."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from typing import Any

from ..errors import Problem, RefusedError
from ..hints import hint, option
from ..planning import maintenance as closing
from ..planning import restores
from ..planning.backups.stanzas import backed_up
from ..planning.restores import Known, Wish
from ..ports import Host
from ..releases.backups import Stanza, Target
from ..releases.lock_holder import LockHolder
from ..releases.restores import RestorePlan
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from . import flags
from .observe import observe


class Planner:
    """Of one wish. Raises RefusedError where the environment or the database is none."""

    def __init__(self, host: Host, stack: Stack, wish: Wish, who: LockHolder) -> None:
        self.host, self.stack, self.wish, self.who = host, stack, wish, who
        self.environment, self.database, self.stanza = named(host, stack, wish)

    def goal(self, *, write: bool, problems: list[Problem]) -> tuple[restores.Goal | None, Known]:
        """To where. With `write`, what is on its way to the archive is brought there if it is needed for that."""
        known = self.known()
        if write and known.until is not None and self._is_too_new(known):
            until = self.host.restores.beat(self.stanza)
            self.host.backups.restore_point(self.stanza, f"until-{moment(known.now)}")
            known = Known(**{**vars(known), "until": until})
        return restores.goal(self.wish, known, problems), known

    def known(self) -> Known:
        """What there is to go back to."""
        host, mine, environment = self.host, self.stack.name, self.environment
        return Known(
            now=host.clock.now(),
            sets=host.backups.info(self.stanza),
            points=host.store.restore_points(mine).get(environment, {}).get(self.database, ()),
            history=host.store.restored(mine).get(environment, {}).get(self.database, ()),
            until=host.restores.archived_until(self.stanza),
            apps=[app.name for app in self.stack.apps.values() if app.database == self.database],
        )

    def _is_too_new(self, known: Known) -> bool:
        found = restores.goal(self.wish, Known(**{**vars(known), "until": known.now}), [])
        return found is not None and known.until is not None and found.moment > known.until

    def plan(self, *, write: bool) -> RestorePlan:
        """What would be done. Raises RefusedError with every problem."""
        host = self.host
        problems: list[Problem] = []
        found, known = self.goal(write=write, problems=problems)
        free = host.restores.free_bytes(self.stanza)
        if found:
            problems += restores.room_problem(found.size, free, os.path.dirname(self.stanza.data))
        if host.restores.is_mounted(self.stanza):
            problems.append(restores.mount_problem(self.stanza.data))
        closes = self._closes(problems)
        if write and self.wish.confirm != self.environment:
            what = f"replaces database {self.database} of {self.stack.name} {self.environment}, and is not confirmed"
            fix = f"look at it with --check, then add {option('confirm', self.environment)}"
            problems.append(Problem(what, "confirm", fix))
        if problems or found is None:
            raise RefusedError(problems)
        state = observe(host, self.stack)
        live, entry = state.live[self.environment], state.live_entry(self.environment)
        runs = known.until is not None
        drills = host.store.drills(self.stack.name).get(self.environment, {}).get(self.database, ())
        return RestorePlan(
            environment=self.environment,
            database=self.database,
            stanza=self.stanza,
            target=found.target,
            moment=found.moment,
            shown=found.shown,
            aside=f"before-{moment(known.now)}",
            runs=runs,
            release=live.release if live else "",
            slot=live.slot if live else None,
            apps=_apps(self.stack, entry.release.definition if entry else {}, self.database),
            closes=closes,
            lost_seconds=max(0.0, known.now - found.moment),
            lost_commits=host.restores.commits_since(self.stanza, found.moment) if runs else None,
            size=found.size,
            free=free,
            seconds=restores.estimate([(one.recovery_seconds, one.size) for one in drills if one.is_good], found.size),
            was_timeline=host.restores.timeline(self.stanza) if runs else "",
            gaps=self._gaps(found.target, known),
            person=self.who.person,
            reason=self.who.reason,
            then=self.wish.then,
        )

    def _gaps(self, target: Target, known: Known) -> tuple[str, ...]:
        """To any other moment beyond one PostgreSQL does not get, and says so."""
        if target.kind != restores.LATEST:
            return ()
        first = restores.first_log(known.sets, target)
        return tuple(self.host.backups.gaps(self.stanza, target.repository, first))

    def _closes(self, problems: list[Problem]) -> bool:
        """Whether the environment is to be closed for visitors: not where somebody has done so already."""
        host, name = self.host, self.stack.name
        if not any(stack.web_apps for stack in flags.defining(host, self.stack, self.environment)):
            return False
        if problem := host.maintenance.problem(name, self.environment):
            problems.append(problem)
        known = closing.lasting(host.maintenance.recorded(name, self.environment), host.clock.now())
        return not any(one.place == ("", "") for one in known)


def named(host: Host, stack: Stack, wish: Wish) -> tuple[EnvironmentName, str, Stanza]:
    """The environment and the database that were typed. Raises RefusedError."""
    environment = next((name for name in ENVIRONMENTS if name == wish.environment), None)
    if environment is None:
        what = f"{wish.environment!r} is not an environment" if wish.environment else "is not given"
        raise RefusedError([Problem(what, "where", f"{option('where', '<which>')}, with staging or production")])
    mine = {one.database.name: one.stanza for one in backed_up(stack, environment, host.store.databases(stack.name))}
    where = f"stack {stack.name} {environment}"
    if not mine:
        fix = "add `backup: {}` to a database of the stack, then " + hint("provision")
        raise RefusedError([Problem("has no database with backups on this host", where, fix)])
    name = wish.database or (next(iter(mine)) if len(mine) == 1 else "")
    if name not in mine:
        what = f"{name!r} is not a database with backups that has been made" if name else "has several databases"
        raise RefusedError([Problem(what, where, option("database", next(iter(mine))) + ", of " + ", ".join(mine))])
    return environment, name, mine[name]


def _apps(stack: Stack, definition: Mapping[str, Any], database: str) -> tuple[str, ...]:
    """Those of the live release that use the database."""
    known = definition.get("apps") or {name: {"database": app.database} for name, app in stack.apps.items()}
    return tuple(sorted(name for name, app in known.items() if app.get("database") == database))


def moment(now: float) -> str:
    return datetime.datetime.fromtimestamp(now, datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
