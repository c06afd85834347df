# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands by hand: what was asked for, what stands against it, and how its container differs from the app's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ..errors import Problem
from ..stack.model import ENVIRONMENTS, EnvironmentName
from ..util.fields import shown as quoted
from ..util.printable import is_printable
from . import typed_commands

if TYPE_CHECKING:
    from ..releases.runs import Run

#: As `timeout` and `docker` end: it took too long; it was refused, or something else than the command failed.
TIMED_OUT, FAILED = 124, 125
USUAL_SECONDS, LONGEST_SECONDS = 3600.0, 86400.0


@dataclass(frozen=True)
class Asked:
    """What a person asks for. An empty `release` is the live one."""

    app: str
    command: tuple[str, ...]
    environment: str = "production"
    release: str = ""
    reason: str = ""
    person: str = ""
    host: str = ""
    timeout_seconds: float = USUAL_SECONDS

    @property
    def where(self) -> EnvironmentName:
        return cast(EnvironmentName, self.environment)


def problems(asked: Asked) -> list[Problem]:
    """What is wrong with it, whatever the host has."""
    found = typed_commands.problems(asked.command)
    if asked.environment not in ENVIRONMENTS:
        fix = "choose from " + ", ".join(ENVIRONMENTS)
        found.append(Problem(f"{quoted(asked.environment)} is not an environment", "environment", fix))
    if not 1 <= asked.timeout_seconds <= LONGEST_SECONDS:
        fix = f"choose 1 to {LONGEST_SECONDS:g} seconds; what goes on for longer is a worker, or a job"
        found.append(Problem(f"{asked.timeout_seconds:g} s is no time limit", "timeout_seconds", fix))
    for name, text in (("reason", asked.reason), ("person", asked.person)):
        if not is_printable(text):
            what, fix = "has characters that cannot be printed", "write it as plain text on one line"
            found.append(Problem(what, name, fix))
    return found


def no_app(name: str, known: Collection[str], release: str) -> Problem:
    """The name of an app that the release has not, be it anything at all."""
    return Problem(
        f"{quoted(name)} is no app of release {release}", "app", "choose from " + ", ".join(sorted(known)) or "(none)"
    )


def limits(*, tty: bool, reads: bool, keeps_log: bool) -> dict[str, Any]:
    """Keys of Compose that its container has of its own."""
    found: dict[str, Any] = {
        # Signals reach the command as they would in a shell, and whatever it leaves running ends with it.
        "init": True,
        "tty": tty,
        "stdin_open": tty or reads,
    }
    if tty:
        # What the loss of a terminal is to a program. A shell for people ignores SIGTERM.
        found["stop_signal"] = "SIGHUP"
    if not keeps_log:
        # What a person reads in a console may be anything, and is for that person alone.
        found["logging"] = {"driver": "none"}
    return found


def preview(asked: Asked, run: Run) -> list[str]:
    """What would be run, as the words that the program would get."""
    words = " ".join(quoted(word) for word in run.command)
    return [
        f"would run {words}",
        f"in a new container of {run.app}, release {run.release} of {run.environment}, for {run.deadline_seconds:g} s "
        "at most",
    ]
