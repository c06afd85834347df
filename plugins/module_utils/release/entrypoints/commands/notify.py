# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send a test message to all notification targets."""

from __future__ import annotations

import argparse
import socket

from ...ports import Host
from ...releases.events import Event
from ..access import Caller
from .output import all_stacks, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    # The message goes to every target, whichever stacks it is configured for.
    all_stacks(host, caller)
    has_trouble = False
    event = Event(
        "start", "a test: this channel is notified of operations", host=socket.gethostname(), at=host.clock.now()
    )
    for name, trouble in host.notifier.test(event):
        has_trouble |= bool(trouble)
        say(f"{name}: {trouble or 'delivered'}")
    return 1 if has_trouble else 0
