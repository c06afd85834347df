# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Try on a copy what a promote would migrate."""

from __future__ import annotations

import argparse
import socket

from ...operations import rehearse_ahead
from ...ports import Host
from ...process import lock
from ..access import Caller
from .output import chosen_stacks, print_json, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    """1 if a promote would be refused for it."""
    # Without a stack, all that migrate anything; one alone is told that it does not.
    chosen = chosen_stacks(host, options, caller)
    mine = [stack for stack in chosen if stack.migrations] or chosen
    who = lock.this_process("rehearse", caller.name, socket.gethostname(), host.clock.now())
    found = [rehearse_ahead.request(host, stack, who, again=options.again, check=options.check) for stack in mine]
    if options.json:
        print_json([report.to_json() for report in found])
    else:
        for report in found:
            say(*(f"{report.stack}: {line}" for line in report.lines), stack=options.stack)
    return 0 if all(report.ok for report in found) else 1
