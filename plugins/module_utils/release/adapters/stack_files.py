# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stacks of this host, as provision.yml wrote them."""

from __future__ import annotations

import dataclasses
import json
import os

from ..errors import Problem, RefusedError
from ..hints import option
from ..paths import STACKS, STATE, releases_of
from ..planning.preflight import PROVISION
from ..ports import Survey
from ..stack.model import Stack
from ..stack.reader import read_stack
from ..util import stack_places
from ..util.files import read_existing


class StackFiles:
    """One file for each stack."""

    def __init__(self, directory: str = STACKS, state: str = STATE) -> None:
        self.directory = directory
        self.state = state

    def names(self) -> list[str]:
        return stack_places.names(self.directory)

    def choose(self, name: str) -> str:
        """The named stack, or the only one there is. Raises RefusedError."""
        names = self.names()
        if not names:
            raise RefusedError([Problem("no stack was provisioned on this host", self.directory, PROVISION)])
        if name and name not in names:
            what, fix = f"stack {name!r} was not provisioned on this host", "choose from " + ", ".join(names)
            raise RefusedError([Problem(what, self.directory, fix)])
        if not name and len(names) > 1:
            fix = f"add {option('stack', '<name>')}, one of: " + ", ".join(names)
            raise RefusedError([Problem("there are several stacks on this host", self.directory, fix)])
        return name or names[0]

    def load(self, name: str) -> Stack:
        """The stack as provisioned. Raises RefusedError, also if its history is not where this engine keeps it."""
        if not os.path.isdir(releases_of(name, self.state)):
            what = f"has no history in {releases_of(name, self.state)}; an earlier version kept it elsewhere"
            raise RefusedError([Problem(what, f"stack {name}", PROVISION)])
        return self.definition(name)

    def definition(self, name: str) -> Stack:
        """The stack as provisioned by this version or an earlier one. Raises RefusedError if that cannot be read."""
        path = os.path.join(self.directory, f"{name}.json")
        try:
            return read_stack(name, json.loads(read_existing(path)), stored=True)
        except (OSError, ValueError, RecursionError) as error:
            cause = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
            what = f"its definition cannot be read: {path}: {cause}"
            raise RefusedError([Problem(what, f"stack {name}", PROVISION)]) from None

    def survey(self, name: str = "") -> Survey:
        """The named stack, which must be readable; or all that are, and what is wrong with the others, which is no
        reason to do nothing."""
        if name:
            return Survey([self.load(self.choose(name))], [])
        stacks: list[Stack] = []
        problems: list[Problem] = []
        for each in self.names():
            found = self._try(each)
            if isinstance(found, Stack):
                stacks.append(found)
            else:
                problems += [dataclasses.replace(problem, where=_placed(problem.where, each)) for problem in found]
        return Survey(stacks, problems)

    def _try(self, name: str) -> Stack | tuple[Problem, ...]:
        try:
            return self.load(name)
        except RefusedError as refused:
            return refused.problems


def _placed(where: str, stack: str) -> str:
    """Where in a definition something is wrong, with the name of its stack."""
    return where if stack in where else f"stack {stack}: {where}"
