# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask what the outside was promised, and say what does not hold."""

from __future__ import annotations

import argparse
import sys

from ...operations import verify
from ...ports import Host
from ...rendering import endpoints, exporter
from ..access import Caller
from .output import chosen_stacks, print_json, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    if options.modules or options.targets:
        watched = [
            one
            for stack in chosen_stacks(host, options, caller)
            for one in verify.watches(host, stack, options.environment, is_real=options.real)
        ]
        sys.stdout.write(exporter.modules(watched) if options.modules else exporter.targets(watched))
        return 0
    found = [
        one
        for stack in chosen_stacks(host, options, caller)
        for one in verify.verify(host, stack, options.environment, is_real=options.real)
    ]
    if options.junit:
        sys.stdout.write(endpoints.junit(found))
        # For whoever reads the log of a CI run, whose report goes to a file.
        say(*endpoints.lines(found), to=sys.stderr, stack=options.stack)
    elif options.json:
        print_json(endpoints.document(found))
    else:
        say(*endpoints.lines(found), stack=options.stack)
    return 0 if all(one.holds for one in found) else 1
