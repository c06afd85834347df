# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forget maintenance whose time is over. A timer calls it; the router has let visitors in already."""

from __future__ import annotations

import argparse

from ...operations import maintenance
from ...ports import Host
from ...stack.model import ENVIRONMENTS, Stack
from ..access import Caller
from .output import chosen_stacks, say, this_process


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    for stack in chosen_stacks(host, options, caller):
        say(*settle(host, stack))
    return 0


def settle(host: Host, stack: Stack) -> list[str]:
    """End what is over, and set the timers of the rest, which a reboot has removed."""
    who = this_process(host, "end of the maintenance")
    return [f"{stack.name} {text}" for name in ENVIRONMENTS for text in maintenance.settle(host, stack, name, who)]
