# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking what the outside was promised, without an operation: alone, in CI, by a person."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Problem, RefusedError
from ..hints import RELEASING, hint
from ..ports import Host
from ..releases.endpoints import EnvironmentVerdicts
from ..releases.history import find
from ..releases.slot import day_of
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from . import witnesses
from .endpoints import Endpoints


def verify(host: Host, stack: Stack, where: str = "", *, is_real: bool = False) -> list[EnvironmentVerdicts]:
    """The verdicts of an environment, or of all in which something is live. Raises RefusedError."""
    if where and where not in ENVIRONMENTS:
        fix = "choose from " + ", ".join(ENVIRONMENTS)
        raise RefusedError([Problem(f"{where!r} is not an environment", "where", fix)])
    return [
        _environment(host, stack, name, is_wanted=bool(where), is_real=is_real)
        for name in ENVIRONMENTS
        if where in ("", name)
    ]


def _environment(
    host: Host, stack: Stack, name: EnvironmentName, *, is_wanted: bool, is_real: bool
) -> EnvironmentVerdicts:
    found = EnvironmentVerdicts(stack.name, name)
    live = witnesses.live(host, stack.name, name)
    entry = find(witnesses.entries(host, stack.name), live.release) if live else None
    if live is None:
        if is_wanted:
            where = f"stack {stack.name}, {name}"
            raise RefusedError([Problem("nothing is live, so nothing can be verified", where, _release(name))])
        found.notes.append("nothing is live")
        return found
    found.release = live.release
    day = day_of(entry.release, stack) if entry else stack
    found.verdicts = Endpoints(host, day, stack, name, live, is_real=is_real).ask("verify")
    if not found.verdicts:
        found.notes.append(f"the release has no endpoints; they are written in `endpoints` of the stack {stack.name}")
    if _written(day, name) != _written(stack, name):
        text = f"the endpoints of the stack have changed since; the next release has the new ones: {_release(name)}"
        found.notes.append(text)
    return found


def _release(name: EnvironmentName) -> str:
    return hint(RELEASING[name])


def _written(stack: Stack, name: EnvironmentName) -> Sequence[object]:
    return [endpoint.written for endpoint in stack.endpoints if name in endpoint.hosts]
