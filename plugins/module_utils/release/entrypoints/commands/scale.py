# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give an app of what is live another number of containers."""

from __future__ import annotations

import argparse
import socket

from ...errors import OperationError
from ...operations import change_scale
from ...operations.change_scale import Asked
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
    who = lock.this_process("scale", caller.name, socket.gethostname(), host.clock.now(), options.reason)
    app, _sign, number = options.what.partition("=")
    asked = Asked(options.app or app, options.replicas or number, options.environment)
    try:
        report = change_scale.request(host, stack, asked, who, check=options.check, lock_wait=options.lock_wait)
    except OperationError as error:
        say(*(f"   {line}" for line in error.log))
        raise
    say(*report.lines, stack=options.stack)
    return 0
