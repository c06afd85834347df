# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore the newest backup beside what runs, and check it."""

from __future__ import annotations

import argparse
import socket
import sys

from ...operations import drill
from ...ports import Host
from ...process import lock
from ...rendering import drills
from ..access import Caller
from .output import chosen_stacks, print_json, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    mine = chosen_stacks(host, options, caller)
    # Without a stack, or with several, the name is required.
    alone = len(mine) == 1 and not getattr(options, "unreadable", ())
    stack = mine[0] if alone else host.stacks.load(host.stacks.choose(options.stack))
    caller.check([stack])
    who = lock.this_process("drill", caller.name, socket.gethostname(), host.clock.now())
    found = drill.request(
        host, stack, options.environment, options.database, who, check=options.check, lock_wait=options.lock_wait
    )
    if options.junit:
        sys.stdout.write(drills.junit(found.stack, found.drills))
        say(*found.lines, to=sys.stderr, stack=options.stack)
    elif options.json:
        print_json(drills.document(found.stack, found.drills))
    else:
        say(*found.lines, stack=options.stack)
    return 0 if found.holds else 1
