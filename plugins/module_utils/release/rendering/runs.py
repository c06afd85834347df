# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of one-off runs, as text."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from ..planning.typed_commands import shown
from ..releases.runs import BY_HAND, Run

_WORDS = {"command": "run", "exec": "exec", "schedule": "by schedule"}


def line(run: Run) -> str:
    """One run on one line: when, where, what, who, how it ended."""
    begun = datetime.datetime.fromtimestamp(run.begun).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    what = shown(run.command, run.words) or "its own command"
    who = f" by {run.person}" if run.person else ""
    who += f" on {run.host}" if run.host else ""
    why = f" ({run.reason})" if run.reason else ""
    return f"{begun} {run.environment} {run.app}: {_WORDS.get(run.why, run.why)} {what}{who}{why}: {ending(run)}"


def ending(run: Run) -> str:
    if not run.is_over:
        return "runs"
    said = f"{run.outcome}, {run.message}" if run.message else run.outcome
    code = "" if run.exit_code in (None, 0) or "exit code" in run.message else f", exit code {run.exit_code}"
    return f"{said}{code}" + ("" if run.seconds is None else f", {run.seconds:g} s")


def going_on(runs: Sequence[Run]) -> list[str]:
    """What is said of commands by hand that go on while the release beside them changes."""
    return [
        f"{run.app}: a command by {run.person or 'somebody'} ({run.why}) goes on in release {run.release}"
        for run in runs
        if run.why in BY_HAND
    ]


def row(run: Run) -> dict[str, Any]:
    """The same for programs. What it printed is left out."""
    left_out = ("log", "container", "process", "keeps_log", "started")
    return {key: value for key, value in run.to_json().items() if key not in left_out}
