# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking what the outside was promised, without an operation: alone, in CI, by a person."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Problem, RefusedError
from ..hints import RELEASING, hint
from ..planning import canonical
from ..planning.endpoints.exporter import Watch, watch
from ..ports import Host
from ..releases.endpoints import EnvironmentVerdicts
from ..releases.history import find
from ..releases.release import Live
from ..releases.slot import day_of
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from . import witnesses
from .endpoints import Endpoints


def verify(host: Host, stack: Stack, where: str = "", *, is_real: bool = False) -> list[EnvironmentVerdicts]:
    """The verdicts of an environment, or of all in which something is live. Raises RefusedError."""
    return [_environment(host, stack, name, is_wanted=bool(where), is_real=is_real) for name in _chosen(where)]


def watches(host: Host, stack: Stack, where: str = "", *, is_real: bool = False) -> list[Watch]:
    """The same endpoints as an exporter asks them. Nothing is asked for it. Raises RefusedError."""
    found = []
    for name in _chosen(where):
        live, day = _what_is_live(host, stack, name, is_wanted=bool(where))
        if live and day:
            found.append(watch(Endpoints(host, day, stack, name, live, is_real=is_real).site))
    return found


def _chosen(where: str) -> Sequence[EnvironmentName]:
    if where and where not in ENVIRONMENTS:
        fix = "choose from " + ", ".join(ENVIRONMENTS)
        raise RefusedError([Problem(f"{where!r} is not an environment", "where", fix)])
    return [name for name in ENVIRONMENTS if where in ("", name)]


def _what_is_live(
    host: Host, stack: Stack, name: EnvironmentName, *, is_wanted: bool
) -> tuple[Live | None, Stack | None]:
    """What is live in an environment, and the stack as its release has it. Raises RefusedError."""
    live = witnesses.live(host, stack.name, name)
    if live is None:
        if is_wanted:
            where = f"stack {stack.name}, {name}"
            raise RefusedError([Problem("nothing is live, so nothing can be verified", where, _release(name))])
        return None, None
    entry = find(witnesses.entries(host, stack.name), live.release)
    return live, day_of(entry.release, stack) if entry else stack


def _environment(
    host: Host, stack: Stack, name: EnvironmentName, *, is_wanted: bool, is_real: bool
) -> EnvironmentVerdicts:
    found = EnvironmentVerdicts(stack.name, name)
    live, day = _what_is_live(host, stack, name, is_wanted=is_wanted)
    if live is None or day is None:
        found.notes.append("nothing is live")
        return found
    found.release = live.release
    found.verdicts = Endpoints(host, day, stack, name, live, is_real=is_real).ask("verify")
    if not found.verdicts:
        found.notes.append(f"the release has no endpoints; they are written in `endpoints` of the stack {stack.name}")
    found.notes += canonical.told(day, host.clock.now(), name)
    if _written(day, name) != _written(stack, name):
        text = f"the endpoints of the stack have changed since; the next release has the new ones: {_release(name)}"
        found.notes.append(text)
    return found


def _release(name: EnvironmentName) -> str:
    return hint(RELEASING[name])


def _written(stack: Stack, name: EnvironmentName) -> Sequence[object]:
    return [endpoint.written for endpoint in stack.endpoints if name in endpoint.hosts]
