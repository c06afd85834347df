# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back up now, or what is due; or show how old backups are."""

from __future__ import annotations

import argparse
import socket
import sys

from ...errors import Problem, RefusedError
from ...hints import option
from ...operations import backups
from ...ports import Host
from ...process import lock
from ..access import Caller
from .output import chosen_stacks, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    """1 if anything failed."""
    wish = backups.Wish(options.environment, options.kind, options.due)
    chosen = chosen_stacks(host, options, caller)
    who = lock.this_process("backup", caller.name, socket.gethostname(), host.clock.now())
    # Without a stack, all of which anything is backed up; one alone is told if nothing is.
    mine = [stack for stack in chosen if backups.has_any(host, stack)] or chosen
    if not mine:
        raise RefusedError([Problem("there is no stack", "this host", option("stack", "<name>"))])
    good = True
    for stack in mine:
        if options.check:
            say(*backups.previewed(host, stack, wish), stack=options.stack)
            continue
        report = backups.take(host, stack, wish, who, _tell, lock_wait=options.lock_wait)
        if not options.due:
            say(*report.ages, stack=options.stack)
        good = good and report.ok
    return 0 if good else 1


def _tell(line: str) -> None:
    say(line)
    sys.stdout.flush()
