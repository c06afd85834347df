# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop the slots that were kept running for a quick rollback, once their time is over. A timer calls it."""

from __future__ import annotations

import argparse

from ...operations.warm_slot import expire_standby
from ...ports import Host
from ...process import lock
from ...stack.model import ENVIRONMENTS, Stack
from ..access import Caller
from .output import chosen_stacks, say, this_process

#: An operation takes over the slot well within this time.
COOL_WAIT_SECONDS = 600.0


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    for stack in chosen_stacks(host, options, caller):
        for text in expire_standbys(host, stack):
            say(text)
    return 0


def expire_standbys(host: Host, stack: Stack) -> list[str]:
    """Stop every warm slot of a stack whose time is over. Waits for a running operation, which may need the slot."""
    found = []
    for environment in ENVIRONMENTS:
        path = lock.lock_path(stack.name, environment, host.paths.locks)
        with lock.hold(path, this_process(host, "cool"), COOL_WAIT_SECONDS):
            found.append(expire_standby(host, stack, environment))
    return [text for text in found if text]
