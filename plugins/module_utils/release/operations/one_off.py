# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out a one-off run: its record first, then its container; at the end its record, then the container goes.

Whatever is killed in between, the record and the container together tell how far it came, so that a run with the same
id is never begun twice, and what was left behind is concluded by whoever comes next.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ..errors import OperationError
from ..ports import Host
from ..releases.one_off import one_off_file
from ..releases.runs import BY_HAND, QUESTIONS, Outcome, Run, RunContainer, is_mine
from ..stack.model import EnvironmentName, Stack
from ..util.printable import clean, shortened

FIRST_POLL_SECONDS = 0.05
SLOWEST_POLL_SECONDS = 1.0
POLL_GROWTH = 1.3
#: Of what a run has printed, how much its record keeps.
LOG_LINES = 200
TOLD_TO_STOP = "was stopped, as whoever waited for it was told to stop"
NOBODY_SAW = "nobody saw it end: the engine or the host was stopped meanwhile"


class InterruptedRunError(BaseException):
    """This process was told to stop while it waits for a run. Not an Exception: nothing in between may swallow it."""


def carry_out(
    host: Host,
    stack: Stack,
    slot: Mapping[str, Any],
    run: Run,
    *,
    limits: Mapping[str, Any] = MappingProxyType({}),
    env: Mapping[str, bytes] = MappingProxyType({}),
    redact: Callable[[str], str] = clean,
) -> Run:
    """Begin a run and wait for its end, or take up the one that was begun under this id. Returns its record.

    `slot` is the Compose file of a slot that has the run's release, `env` are files of its own that it names. Raises
    OperationError if it cannot be started, or if nothing can be learned of it; then its record stays open, for
    `conclude`.
    """
    known = host.runs.record(run.stack, run.id)
    if known is not None and known.is_over:
        return _tidied(host, known)
    container = _container(host, run)
    try:
        if known is None or not (known.started or (container is not None and container.has_begun)):
            known = _begin(host, stack, slot, dataclasses.replace(run, begun=host.clock.now()), limits, env)
        return wait(host, known, redact)
    except InterruptedRunError:
        # Also while Compose starts it; waiting, it has been stopped already.
        if (left := host.runs.record(run.stack, run.id)) is not None:
            give_up(host, left, TOLD_TO_STOP, redact)
        raise


def _begin(
    host: Host, stack: Stack, slot: Mapping[str, Any], run: Run, limits: Mapping[str, Any], env: Mapping[str, bytes]
) -> Run:
    host.runs.write(run)
    path = host.runs.place(run, one_off_file(slot, run, limits))
    if env:
        host.runs.write_env(run, env)
    try:
        host.one_off.start(path, stack.directory, run.service)
    except OperationError as error:
        _end(host, run, _container(host, run), "failed", f"could not be started: {error.cause}", clean)
        raise
    started = dataclasses.replace(run, started=True)
    host.runs.write(started)
    return started


def wait(host: Host, run: Run, redact: Callable[[str], str] = clean) -> Run:
    """Wait for the end of a run that was begun; one that takes too long is stopped. Returns its record."""
    until = host.clock.monotonic() + max(0.0, run.begun + run.deadline_seconds - host.clock.now())
    pause = FIRST_POLL_SECONDS
    try:
        while (container := _container(host, run)) is not None and container.is_up:
            if host.clock.monotonic() >= until:
                what = f"was stopped: it had not ended after {run.deadline_seconds:g} s"
                return _stop(host, run, container, "timed_out", what, redact)
            host.clock.wait(min(pause, max(0.0, until - host.clock.monotonic())))
            pause = min(pause * POLL_GROWTH, SLOWEST_POLL_SECONDS)
    except InterruptedRunError:
        if (left := _container(host, run)) is not None:
            _stop(host, run, left, "interrupted", TOLD_TO_STOP, redact)
        raise
    if container is None:
        return _end(host, run, None, "interrupted", "its container is gone", redact)
    code = container.exit_code
    return _end(host, run, container, "failed" if code else "succeeded", f"exit code {code}" if code else "", redact)


def conclude(host: Host, run: Run, redact: Callable[[str], str] = clean) -> Run:
    """End the record of a run that nobody waits for any more. One that still goes is waited for, until its deadline."""
    container = _container(host, run)
    if container is not None and container.is_up:
        return wait(host, run, redact)
    if container is not None and container.has_begun and container.exit_code == 0:
        return _end(host, run, container, "succeeded", "", redact)
    said = f"exit code {container.exit_code}; " if container is not None and container.has_begun else ""
    return _end(host, run, container, "interrupted", f"{said}{NOBODY_SAW}", redact)


def give_up(host: Host, run: Run, why: str, redact: Callable[[str], str] = clean) -> Run:
    """Stop a run that nobody wants any more. Can be repeated."""
    if run.is_over:
        return _tidied(host, run)
    container = _container(host, run)
    if container is not None and container.is_up:
        return _stop(host, run, container, "interrupted", why, redact)
    return conclude(host, run, redact)


def sweep(
    host: Host, stack: Stack, environment: EnvironmentName, redact: Callable[[str], str] = clean, app: str = ""
) -> list[Run]:
    """Conclude every run of an environment that nobody waits for, or those of one app: the caller knows that nobody
    does. Those by hand are left to whoever waits for them. Returns what was concluded."""
    known = host.runs.records(stack.name)
    mine = [run for run in known if is_mine(run, stack, environment, app)]
    left = {container.run for container in host.one_off.found(stack.name, environment)}
    for run in mine:
        if run.is_over:
            host.runs.clear(run)
            if run.id in left:
                _tidied(host, run)
    return [conclude(host, run, redact) for run in mine if not run.is_over and run.why not in BY_HAND]


def _tidied(host: Host, run: Run) -> Run:
    """A run that is over, and nothing of it left: a kill may have come between its record and its removal."""
    host.runs.clear(run)
    if (container := _container(host, run)) is not None:
        host.one_off.remove(container)
    return run


def _container(host: Host, run: Run) -> RunContainer | None:
    mine = host.one_off.found(run.stack, run.environment)
    return next((container for container in mine if container.run == run.id), None)


def _stop(
    host: Host, run: Run, container: RunContainer, outcome: Outcome, message: str, redact: Callable[[str], str]
) -> Run:
    host.one_off.stop(container, run.stop_seconds)
    return _end(host, run, _container(host, run) or container, outcome, message, redact)


def _end(
    host: Host,
    run: Run,
    container: RunContainer | None,
    outcome: Outcome,
    message: str,
    redact: Callable[[str], str],
) -> Run:
    # An answer is what it prints for programs; what it says to people explains why there is none.
    answers = run.why in QUESTIONS and outcome == "succeeded"
    log = (
        host.one_off.output(container, LOG_LINES, only_stdout=answers)
        if container is not None and run.keeps_log
        else []
    )
    ended = dataclasses.replace(
        run,
        ended=host.clock.now(),
        exit_code=container.exit_code if container and container.has_begun else None,
        outcome=outcome,
        message=shortened(redact(message)),
        log=tuple(shortened(redact(line)) for line in log),
    )
    # In this order: while the container is there, whoever comes after a kill can tell how it ended.
    host.runs.write(ended)
    host.runs.clear(ended)
    if container is not None:
        host.one_off.remove(container)
    return ended
