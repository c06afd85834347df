# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a database back to a moment, in place or beside what runs."""

from __future__ import annotations

import argparse
import socket

from ...errors import OperationError
from ...operations import restore
from ...planning.restores import Wish
from ...ports import Host
from ...process import lock
from ..access import Caller
from .output import chosen_stacks, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    mine = chosen_stacks(host, options, caller)
    # Without a stack, or with several, the name is required.
    alone = len(mine) == 1 and not getattr(options, "unreadable", ())
    stack = mine[0] if alone else host.stacks.load(host.stacks.choose(options.stack))
    caller.check([stack])
    who = lock.this_process("restore", caller.name, socket.gethostname(), host.clock.now(), options.reason)
    names = ("environment", "database", "at", "point", "release", "confirm", "into", "drop")
    wish = Wish(**{name: getattr(options, name) for name in names})
    try:
        report = restore.request(host, stack, wish, who, check=options.check, lock_wait=options.lock_wait)
    except OperationError as error:
        say(*(f"   {line}" for line in error.log))
        raise
    say(*report.lines, stack=options.stack)
    return 0
