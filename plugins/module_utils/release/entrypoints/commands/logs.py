# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what apps, services, jobs and builds have written."""

from __future__ import annotations

import argparse
import os
import select
import sys
from collections.abc import Callable
from typing import BinaryIO

from ...operations import logs
from ...planning.logs import wish
from ...ports import Host
from ...releases.logs import Given, Line, Source
from ...rendering import logs as rendering
from ..access import Caller
from .output import chosen_stacks, say

#: Of a program that Ctrl-C has ended.
INTERRUPTED = 130


class Printed:
    """Lines on standard output, and everything else on standard error."""

    def __init__(self, stream: BinaryIO, shape: Callable[[Line, Source], bytes], stack: str) -> None:
        self._stream, self._shape, self._stack = stream, shape, stack
        # No event is asked for: a reader that is gone is told in any case.
        self._poll = select.poll()
        self._poll.register(stream.fileno(), 0)

    def show(self, line: Line, source: Source) -> None:
        self._stream.write(self._shape(line, source) + b"\n")

    def tell(self, text: str) -> None:
        self.flush()
        say(text, to=sys.stderr, stack=self._stack)

    def flush(self) -> None:
        self._stream.flush()

    def is_open(self) -> bool:
        return not any(events & (select.POLLERR | select.POLLHUP) for _handle, events in self._poll.poll(0))


def run(host: Host, options: argparse.Namespace, caller: Caller) -> int:
    mine = chosen_stacks(host, options, caller)
    # Without a stack, or with several, the name is required.
    alone = len(mine) == 1 and not getattr(options, "unreadable", ())
    stack = mine[0] if alone else host.stacks.load(host.stacks.choose(options.stack))
    caller.check([stack])
    given = Given(*(getattr(options, name) for name in Given._fields))
    asked = wish(stack, given, host.clock.now())
    try:
        output = Printed(sys.stdout.buffer, _shape(options), options.stack)
        logs.show(host, stack, asked, output, follow=options.follow)
        output.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python would try to write the rest when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _shape(options: argparse.Namespace) -> Callable[[Line, Source], bytes]:
    is_terminal = sys.stdout.isatty()
    if options.json:
        return rendering.as_json
    if options.raw:
        return rendering.raw_for_terminal if is_terminal else rendering.raw
    return rendering.for_terminal if is_terminal else rendering.as_bytes
