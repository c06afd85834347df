# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what was run by hand, by schedule and by releases: who, when, why, and how it ended."""

from __future__ import annotations

import argparse
import dataclasses

from ...operations.redaction import redactor
from ...ports import Host
from ...rendering import runs
from ..access import Caller
from .output import chosen_stacks, print_json, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    found = []
    for stack in chosen_stacks(host, options, caller):
        redact = redactor(host, stack)
        mine = [one for one in host.runs.records(stack.name) if options.environment in ("", one.environment)]
        found += [
            dataclasses.replace(one, reason=redact(one.reason), message=redact(one.message))
            for one in mine[: options.number]
        ]
    if options.json:
        print_json([runs.row(one) for one in found])
    else:
        say(*([runs.line(one) for one in found] or ["nothing was run yet"]))
    return 0
