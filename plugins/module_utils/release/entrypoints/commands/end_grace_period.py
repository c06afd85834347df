# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""End the grace period of a key rotation once its time is over. A timer calls it."""

from __future__ import annotations

import argparse

from ...operations import key_grace_period
from ...ports import Host
from ...stack.model import Stack
from ..access import Caller
from .output import chosen_stacks, say, this_process

_ENDED = "{}: the grace period is over, the previous public key is no longer valid"


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    for stack in chosen_stacks(host, options, caller):
        if key_grace_period.end(host, stack, this_process(host, "end of the grace period")):
            say(_ENDED.format(stack.name))
    return 0


def after_boot(host: Host, stack: Stack) -> list[str]:
    """End a rotation's grace period that is over, or set the timer again that a reboot has removed."""
    ended = key_grace_period.after_boot(host, stack, this_process(host, "end of the grace period"))
    return [_ENDED.format(stack.name)] if ended else []
