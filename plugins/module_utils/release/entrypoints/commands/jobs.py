# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""List the jobs of what is live, run one now, suspend or resume one; and run one because its time has come."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from types import FrameType

from ...errors import Problem, RefusedError
from ...operations import job_requests, job_runs
from ...operations.job_requests import JobWish
from ...operations.one_off import InterruptedRunError
from ...ports import Host
from ...process import lock
from ...releases.runs import sentence
from ...stack.model import ENVIRONMENTS
from ..access import Caller
from .output import chosen_stacks, print_json, say

#: By these a run that somebody waits for is told to stop: by systemd, by a lost connection, by Ctrl-C.
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    for number in SIGNALS:
        signal.signal(number, _stop)
    try:
        return _scheduled(host, options, caller) if options.scheduled else _asked(host, options, caller)
    except InterruptedRunError:
        say("the run was stopped, as this command was told to stop", to=sys.stderr, stack=options.stack)
        return 1


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Once: the stop itself is not to be interrupted.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise InterruptedRunError


def _asked(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    wish = JobWish(
        environment=options.environment,
        run=options.run,
        suspend=options.suspend,
        resume=options.resume,
        history=options.history,
        lock_wait=options.lock_wait,
    )
    mine = chosen_stacks(host, options, caller)
    alone = len(mine) == 1 and not getattr(options, "unreadable", ())
    if wish != JobWish(environment=options.environment) and not alone:
        # Without a stack, or with several, the name is required.
        mine = [host.stacks.load(host.stacks.choose(options.stack))]
        caller.check(mine)
    found: list[dict[str, object]] = []
    code = 0
    for stack in mine:
        who = lock.this_process("job", caller.name, socket.gethostname(), host.clock.now(), options.reason)
        report = job_requests.request(host, stack, wish, who, check=options.check)
        found.append({"stack": stack.name, "jobs": report.plain_jobs})
        code = max(code, int(report.failed))
        if not options.json:
            say(*report.lines, stack=options.stack)
    if options.json:
        print_json(found)
    return code


def _scheduled(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    """What a timer starts. Nobody else may: its runs count as those of the schedule."""
    if caller.name != "root":
        raise RefusedError([Problem("is for timers", "--scheduled", f"use --run {options.scheduled}")])
    environment = next((name for name in ENVIRONMENTS if name == options.environment), None)
    if environment is None:
        raise RefusedError([Problem("is not given", "--environment", "choose from " + ", ".join(ENVIRONMENTS))])
    if options.stack not in host.stacks.names():
        # Somebody has taken the stack from this host; its timers go with it.
        host.schedule.provide(options.stack, environment, {})
        say(f"{options.stack} is no stack of this host any more: the timers of its jobs were removed")
        return 0
    stack = host.stacks.load(options.stack)
    who = lock.this_process("job", "schedule", socket.gethostname(), host.clock.now())
    done = job_runs.by_schedule(host, stack, environment, options.scheduled, who)
    if done is None:
        say(f"{options.scheduled} has nothing to do now")
        return 0
    say(sentence(done))
    return 0 if done.outcome == "succeeded" else 1
