# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sub-commands print, and whom they name in a lock."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from typing import TextIO

from ...errors import Problem, RefusedError
from ...hints import Place, spell
from ...paths import CONTROL_COMMAND
from ...ports import Host
from ...process import lock
from ...releases.lock_holder import LockHolder
from ...stack.model import Stack
from ...util.printable import clean, cleaned
from ..access import Caller


def say(*lines: str, to: TextIO | None = None, stack: str = "") -> None:
    """Print lines for a user of this host, who has named this stack. Nothing within a line can end it, or act on the
    terminal."""
    place = Place("host", stack=stack, has_control=os.path.exists(CONTROL_COMMAND))
    (to or sys.stdout).write("".join(f"{clean(spell(line, place))}\n" for line in lines))


def print_json(data: object) -> None:
    """Print data for a program; commands in it keep their canonical form."""
    sys.stdout.write(json.dumps(cleaned(data), indent=2) + "\n")


def chosen_stacks(host: Host, options: argparse.Namespace, caller: Caller) -> list[Stack]:
    """The stack that was named, or all that can be read and that the caller may act on. Raises RefusedError.

    Those that cannot be read are named, and make the exit code 1.
    """
    if not options.stack:
        stacks, options.unreadable = host.stacks.survey()
        for problem in options.unreadable:
            say(f"problem: {problem}", to=sys.stderr)
        return caller.mine(stacks)
    stack = host.stacks.load(host.stacks.choose(options.stack))
    caller.check([stack])
    return [stack]


def all_stacks(host: Host, caller: Caller) -> tuple[list[Stack], list[Problem]]:
    """All stacks that can be read, for what concerns all of the host, and the problems of the others. Raises
    RefusedError unless the caller may act on all."""
    stacks, unreadable = host.stacks.survey()
    caller.check(stacks)
    if caller.limited and unreadable:
        raise RefusedError(unreadable)  # nobody knows whose they are
    return stacks, unreadable


def this_process(host: Host, operation: str) -> LockHolder:
    """This process as the lock shows it to others."""
    person = os.environ.get("SUDO_USER", "root")
    return lock.this_process(operation, person, socket.gethostname(), host.clock.now())
