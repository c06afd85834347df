# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare the source with the inventory."""

from __future__ import annotations

import argparse
import sys

from ...operations import drift
from ...ports import Host
from ...rendering import drift as text
from ..access import Caller
from .output import chosen_stacks, print_json, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    """1 if anything new is found."""
    chosen = chosen_stacks(host, options, caller)
    # Without a stack, all that say anything of it; one alone, or all alike, are told if they do not.
    mine = [stack for stack in chosen if stack.drift] or chosen
    found = [drift.request(host, stack, options.version) for stack in mine]
    if options.json:
        print_json([text.document(report) for report in found])
    elif options.new_baseline:
        sys.stdout.write("".join(text.baseline(report) for report in found))
        return 0
    else:
        for report in found:
            say(*text.lines(report), stack=options.stack)
    return 0 if all(report.ok for report in found) else 1
