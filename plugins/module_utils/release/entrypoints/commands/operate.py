# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out one of the operations that make a release: deploy, promote or rollback."""

from __future__ import annotations

import argparse
import socket

from ...operations.runner import run as run_operation
from ...ports import Host
from ...releases.request import OPERATIONS, Request
from ...rendering.report import report_lines
from ..access import Caller
from .output import chosen_stacks, say


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    mine = chosen_stacks(host, options, caller)
    # Without a stack, or with several, the name is required.
    alone = len(mine) == 1 and not getattr(options, "unreadable", ())
    stack = mine[0] if alone else host.stacks.load(host.stacks.choose(options.stack))
    caller.check([stack])
    request = Request(
        operation=options.command,
        environment=OPERATIONS[options.command],
        person=caller.name,
        host=socket.gethostname(),
        reason=options.reason,
        apps=_split(options.apps),
        version=getattr(options, "version", ""),
        release=getattr(options, "release", ""),
        rebuild=getattr(options, "rebuild", False),
        skip_gates=_split(getattr(options, "skip_gates", "")),
        secrets=getattr(options, "secrets", "today"),
        database=getattr(options, "database", ""),
        confirm=getattr(options, "confirm", ""),
        lock_wait=options.lock_wait,
        watch_seconds=options.watch_seconds,
        warm_seconds=options.warm_seconds,
    )
    report = run_operation(host, stack, request, check=options.check)
    say(*report_lines(report.to_json()), stack=options.stack)
    return 1 if report.failed else 0


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
