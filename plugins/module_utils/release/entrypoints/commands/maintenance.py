# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Close a part of an environment for visitors for a while, or open it again."""

from __future__ import annotations

import argparse
import socket

from ...operations import maintenance
from ...planning.maintenance import Wish
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
    who = lock.this_process("maintenance", caller.name, socket.gethostname(), host.clock.now(), options.reason)
    wish = Wish(
        state=options.state,
        environment=options.environment,
        until=options.until,
        app=options.app,
        route=options.route,
        allow=tuple(word for word in options.allow.split(",") if word),
    )
    report = maintenance.request(host, stack, wish, who, check=options.check)
    say(*report.lines, stack=options.stack)
    return 0
