# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, written so that a tired operator can act on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what, where it is, and the command or edit that fixes it."""

    what: str
    where: str
    fix: str = ""

    def __str__(self) -> str:
        fix = f" Fix: {self.fix}" if self.fix else ""
        return f"{self.where}: {self.what}.{fix}"


class ReleaseError(Exception):
    """Base of all errors that the engine raises on purpose."""


class RefusedError(ReleaseError):
    """The request cannot be carried out, and nothing was changed. Holds every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


@dataclass
class OperationError(ReleaseError):
    """A step failed after the operation had begun; the caller reverts everything.

    `log` holds the last lines of whatever failed, oldest first.
    """

    what: str
    where: str
    cause: str
    fix: str = ""
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(str(self))

    def __str__(self) -> str:
        fix = f" Fix: {self.fix}" if self.fix else ""
        return f"{self.where}: {self.what}: {self.cause}.{fix}"


class NothingToDoError(ReleaseError):
    """There is nothing to do, and why. Not an error: a second run changes nothing."""


class InterruptedOperationError(OperationError):
    """The operation could neither complete nor revert: its journal stays open for recovery."""
