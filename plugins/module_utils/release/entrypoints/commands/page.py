# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the status pages. A timer calls it every minute."""

from __future__ import annotations

import argparse
import sys

from ...operations import page_writer
from ...ports import Host
from ..access import Caller
from .output import chosen_stacks, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    problems = page_writer.write_all(host, chosen_stacks(host, options, caller))
    for problem in problems:
        say(f"problem: {problem}", to=sys.stderr)
    return 1 if problems else 0
