# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning another number of containers of one live app; refuses with every problem."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import NothingToDoError, Problem, RefusedError
from ..hints import hint, next_release
from ..releases.host_state import HostState
from ..releases.release import Live, Release
from ..releases.replicas import Scale
from ..releases.slot import day_of
from ..stack.checks import address_problems
from ..stack.model import EnvironmentName, Slot, Stack
from ..stack.replicas import DEFAULT, MOST_REPLICAS, problem, units


@dataclass(frozen=True)
class ScalePlan:
    """From how many containers to how many, in the slot of the live release. Plain data, so a journal can hold it."""

    environment: EnvironmentName
    app: str
    slot: Slot
    release: str
    was: int
    to: int
    #: The record of before, and from now on; None if the number is the stack's own.
    before: Scale | None = None
    after: Scale | None = None

    @property
    def live(self) -> Live:
        return Live(self.slot, self.release)

    @property
    def sentence(self) -> str:
        return f"{self.environment}: {self.app} from {self.was} to {self.to} replica{'s' if self.to > 1 else ''}"

    def to_json(self) -> dict[str, Any]:
        notes = {key: note.to_json() if (note := getattr(self, key)) else None for key in ("before", "after")}
        return {**vars(self), **notes}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ScalePlan:
        """Raises ValueError, KeyError or TypeError."""
        notes = {key: Scale.from_json(data[key]) for key in ("before", "after")}
        return cls(**{**data, **notes})


def plan(stack: Stack, state: HostState, environment: EnvironmentName, app: str, wanted: str, note: Scale) -> ScalePlan:
    """`wanted` is a number or `default`; `note` says who asks, why and when. Raises RefusedError, NothingToDoError."""
    live, entry = state.live[environment], state.live_entry(environment)
    where = f"stack {stack.name}, {environment}"
    problems = [] if wanted == DEFAULT or _is_number(wanted) else [_no_number(wanted)]
    if live is None or entry is None:
        known = {name: there is not None for name, there in state.live.items()}
        fix = hint(next_release(environment, known)) if live is None else hint("recover")
        what = "nothing is live, so there is nothing to scale" if live is None else "the live release cannot be read"
        raise RefusedError([*problems, Problem(what, where, fix)])
    day = day_of(entry.release, stack)
    if app not in entry.release.services or app not in day.apps:
        names = ", ".join(name for name in entry.release.services if name in day.apps)
        raise RefusedError(
            [*problems, Problem(f"{app!r} is not an app of the live release", "app", f"choose from {names}")]
        )
    if problems:
        raise RefusedError(problems)
    own = stack.apps[app].replicas if app in stack.apps else day.apps[app].replicas
    was, to = state.count_of(environment, app), own if wanted == DEFAULT else int(wanted)
    if problems := _problems(stack, day, entry.release, app, {**state.replicas.get(environment, {}), app: to}):
        raise RefusedError(problems)
    before = state.scales.get(environment, {}).get(app)
    is_own = to == own == day.apps[app].replicas
    after = None if is_own else Scale(to, own, note.person, note.reason, note.at)
    running = {
        c.unit for c in state.in_slot(environment, live.slot) if c.release == live.release and c.state == "running"
    }
    same = was == to and running.issuperset(units(app, to))
    if same and _says(before) == _says(after):
        raise NothingToDoError(f"{environment}: {app} has {to} replica{'s' if to > 1 else ''} already")
    return ScalePlan(environment, app, live.slot, live.release, was, to, before, after)


def _says(note: Scale | None) -> tuple[int, int] | None:
    return (note.replicas, note.own) if note else None


def _is_number(text: str) -> bool:
    return re.fullmatch("[1-9][0-9]{0,3}", text) is not None and int(text) <= MOST_REPLICAS


def _no_number(text: str) -> Problem:
    fix = f"give a number from 1 to {MOST_REPLICAS}, or `{DEFAULT}` for the stack's own"
    return Problem(f"{text!r} is no number of replicas", "replicas", fix)


def _problems(stack: Stack, day: Stack, release: Release, app: str, counts: Mapping[str, int]) -> list[Problem]:
    where = f"stack {stack.name}"
    what, fix = problem(day.apps[app]) if counts[app] > 1 else ("", "")
    found = [Problem(f"{counts[app]} replicas of an app that {what}", f"{where}.apps.{app}", fix)] if what else []
    others = {name: counts.get(name, 1) for name in release.services}
    return found + (address_problems(day, where, others) if counts[app] > 1 else [])
