# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what is live and what a rollback would do."""

from __future__ import annotations

import argparse

from ...operations.status import status
from ...ports import Host
from ...rendering.status import all_lines
from ..access import Caller
from .output import chosen_stacks, print_json, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    found = [status(host, stack) for stack in chosen_stacks(host, options, caller)]
    if options.json:
        print_json([item.to_json() for item in found])
    else:
        say(*all_lines(found))
    return 0
