# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete or revert what was interrupted, after a boot too."""

from __future__ import annotations

import argparse
import socket
import sys

from ...errors import ReleaseError
from ...operations import attended, job_runs, rehearsal, witnesses
from ...operations.recover import recover
from ...ports import Host
from ...process import journal, lock
from ...rendering import notifications
from ...stack.model import ENVIRONMENTS, Stack
from ..access import Caller
from . import end_maintenance
from .end_grace_period import after_boot
from .expire_standby import expire_standbys
from .output import chosen_stacks, say, this_process


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    stacks = chosen_stacks(host, options, caller)
    # First, because it needs no Docker, which may still be starting.
    for text in (text for stack in stacks for text in after_boot(host, stack)):
        say(text)
    say(*(text for stack in stacks for text in settle_all(host, stack)))
    # What cannot be done for one stack is no reason to leave the others.
    return max([_after_kill(host, stack) for stack in stacks], default=0)


def settle_all(host: Host, stack: Stack) -> list[str]:
    """End maintenance that is over. A record that cannot be read is no reason to leave the rest."""
    try:
        return end_maintenance.settle(host, stack)
    except (ReleaseError, OSError) as error:
        return [f"{stack.name} maintenance: {error}"]


def _after_kill(host: Host, stack: Stack) -> int:
    try:
        for text in [*recover_stack(host, stack, wait=True), *expire_standbys(host, stack)]:
            say(text)
    except (ReleaseError, OSError) as error:
        say(f"problem: {error}", to=sys.stderr, stack=stack.name)
        return 1
    return 0


def recover_stack(host: Host, stack: Stack, wait: bool = False) -> list[str]:
    """Complete or revert everything that is unfinished in a stack, and send the notifications; with `wait`, return
    only once they are delivered. Raises RefusedError while an operation runs."""
    found = []
    for environment in ENVIRONMENTS:
        with lock.hold(lock.lock_path(stack.name, environment, host.paths.locks), this_process(host, "recover"), 0):
            left = journal.unfinished(stack.name, environment, host.paths.state)
            mine = [recover(host, stack, record) for record in left]
            put_right = witnesses.mend(host, stack, environment) + job_runs.mend(host, stack, environment)
        if mine:
            event = notifications.recovered(stack.name, environment, socket.gethostname(), len(mine), host.clock.now())
            host.notifier.notify(event, wait)
        found += mine + put_right
    if stack.databases:
        found += rehearsal.sweep(host, stack, this_process(host, "recover"))
    return found + attended.sweep(host, stack)
