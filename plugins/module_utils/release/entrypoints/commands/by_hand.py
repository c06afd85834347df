# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command in a new container of a release, or in a container that runs, for whoever types it."""

from __future__ import annotations

import argparse
import socket
import sys

from ...errors import OperationError, RefusedError
from ...operations import by_hand
from ...planning.by_hand import FAILED, Asked
from ...ports import Host
from ..access import Caller
from .output import chosen_stacks, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    """Returns the exit code of the command; 124 if it took too long, 125 if it was refused or could not be run."""
    try:
        return _run(host, options, caller)
    except (RefusedError, OperationError) as error:
        say(*by_hand.problems_of(error), to=sys.stderr, stack=options.stack)
        return FAILED


def _run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    mine = chosen_stacks(host, options, caller)
    # Without a stack, or with several, the name is required.
    alone = len(mine) == 1 and not getattr(options, "unreadable", ())
    stack = mine[0] if alone else host.stacks.load(host.stacks.choose(options.stack))
    caller.check([stack])
    asked = Asked(
        app=options.app,
        command=tuple(options.words),
        environment=options.environment,
        release=getattr(options, "release", ""),
        reason=options.reason,
        person=caller.name,
        host=socket.gethostname(),
        timeout_seconds=options.timeout_seconds,
    )
    if getattr(options, "check", False):
        say(*by_hand.preview(host, stack, asked), stack=options.stack)
        return 0
    way = by_hand.execute if options.command == "exec" else by_hand.run
    ended, signal = way(host, stack, asked, by_hand.console(host))
    # What the command itself says of its end is said by itself, and by the exit code.
    if ended.outcome in ("timed_out", "interrupted"):
        say(f"onehost: {ended.message}", to=sys.stderr)
    return by_hand.exit_code(ended, signal)
