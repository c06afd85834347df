# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of a stack: apps that run and end, by schedule, by hand or before and after a switch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import Problem
from ..util.fields import Fields
from .model import ENVIRONMENTS, HOOKS, App, EnvironmentName, Stack
from .schedule import problem_with

#: A job's own limit of time, if it names none.
TIMEOUT_SECONDS = 3600
#: What an app has that goes on running, and a job has not: its value where nobody sets it.
_GOES_ON: tuple[tuple[str, Any], ...] = (
    ("health_seconds", 60),
    ("health_command", ()),
    ("drain_seconds", 10),
    ("body_limit", "10m"),
    ("after", ()),
    ("replace", "start_first"),
)


def read_environments(fields: Fields, what: str) -> tuple[EnvironmentName, ...]:
    """Where something is: everywhere, unless it names some."""
    if fields.value("environments") is None:
        return ENVIRONMENTS
    named = fields.texts("environments")
    for name in named:
        if name not in ENVIRONMENTS:
            fields.note("environments", f"{name!r} is not an environment", "choose from " + ", ".join(ENVIRONMENTS))
    if not named:
        fields.note("environments", "is empty", f"leave it out to mean all, or remove the {what}")
    return tuple(name for name in ENVIRONMENTS if name in named)


def check_job(fields: Fields, app: App) -> None:
    """What only a job has, and what a job has no use for."""
    if not app.is_job:
        for key in ("schedule", "environments"):
            if fields.value(key):
                fields.note(key, f"is for jobs, and this is a {app.kind}", "remove it, or set `kind: job`")
        return
    if app.schedule:
        what, fix = problem_with(app.schedule)
        if what:
            fields.note("schedule", f"{app.schedule!r} {what}", fix)
    for key, usual in _GOES_ON:
        if getattr(app, key) != usual:
            fields.note(key, "has no effect on a job, which runs and ends", "remove it")
    if "healthcheck" in app.compose:
        fields.note("compose.healthcheck", "has no effect on a job, which runs and ends", "remove it")


def read_hooks(fields: Fields, problems: list[Problem]) -> dict[str, tuple[str, ...]]:
    """The jobs that run before and after a switch, in their order."""
    data = fields.value("hooks")
    if data is None:
        return {}
    inner = Fields(data, f"{fields.where}.hooks", problems)
    found = {hook: inner.texts(hook) for hook in HOOKS}
    inner.no_others()
    return {hook: names for hook, names in found.items() if names}


def check_jobs(stack: Stack, where: str) -> list[Problem]:
    """Checks across the apps of a stack that has jobs."""
    jobs = [app.name for app in stack.apps.values() if app.is_job]
    found = []
    if stack.apps and len(jobs) == len(stack.apps):
        found.append(Problem("has jobs only, which run and end", f"{where}.apps", "add the app whose work they do"))
    found += [
        Problem(
            f"starts after {name}, which is a job and does not go on running",
            f"{where}.apps.{app.name}",
            f"remove it; what must be done before a release takes over is `hooks: {{before_switch: [{name}]}}`",
        )
        for app in stack.apps.values()
        for name in app.after
        if name in jobs
    ]
    for hook, names in stack.hooks.items():
        place = f"{where}.hooks.{hook}"
        found += [
            Problem(f"names {name!r}, which is no job", place, _known(jobs)) for name in names if name not in jobs
        ]
        found += [
            Problem(f"names {name} twice", place, "name it once")
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
    return found


def _known(jobs: Sequence[str]) -> str:
    return "jobs: " + ", ".join(jobs) if jobs else "add an app with `kind: job`; the stack has none"
