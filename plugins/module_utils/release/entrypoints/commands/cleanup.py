# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove what nothing needs until enough space is free."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from ...operations import cleanup
from ...ports import Host
from ..access import Caller
from .output import all_stacks, print_json, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    # It affects all images on the host.
    stacks, unreadable = all_stacks(host, caller)
    for problem in unreadable:
        say(f"problem: {problem}", to=sys.stderr)
    settings = host.disk.settings({"free_gb": options.free_gb, "free_percent": options.free_percent})
    locking = cleanup.Locking(wait_seconds=options.lock_wait)
    report = cleanup.make_room(host, stacks, settings, check=options.check, locking=locking)
    cleanup.alarm(host, report, options.check)
    if options.json:
        print_json(dataclasses.asdict(report))
    else:
        say(*cleanup.lines(report, options.check))
    return 1 if report.failed or unreadable else 0
