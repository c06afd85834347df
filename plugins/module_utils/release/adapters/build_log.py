# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsing BuildKit's plain output: which Dockerfile step is running, which one failed, and its last lines."""

from __future__ import annotations

import re
from collections import deque

_STEP = re.compile(r"^#(\d+) (\[[^\]]*\d+/\d+\] .+)$")
_OUTPUT = re.compile(r"^#(\d+) [\d.]+ (.*)$")
_ERROR = re.compile(r"^#(\d+) ERROR: (.*)$")
_INTERNAL = re.compile(r"^(#\d+ (sha256:|extracting|DONE|CACHED|exporting|transferring)|\s*$)")


class BuildLog:
    """Takes the output line by line and keeps what a person needs when the build fails."""

    def __init__(self, kept: int = 200) -> None:
        self._steps: dict[str, str] = {}
        self._lines: deque[str] = deque(maxlen=kept)
        self._outputs: dict[str, deque[str]] = {}
        self._failed = ""
        #: What BuildKit itself says of the failure.
        self.error = ""

    def add(self, line: str) -> str:
        """Take one line. Returns the name of a Dockerfile step if the line begins one, else an empty string."""
        if not _INTERNAL.match(line):
            self._lines.append(line)
        if match := _STEP.match(line):
            number, step = match.groups()
            fresh = number not in self._steps
            self._steps[number] = step
            return step if fresh else ""
        if match := _ERROR.match(line):
            self._failed, self.error = match.groups()
        elif match := _OUTPUT.match(line):
            self._outputs.setdefault(match.group(1), deque(maxlen=40)).append(match.group(2))
        return ""

    @property
    def failed_step(self) -> str:
        return self._steps.get(self._failed, "")

    def tail(self, lines: int) -> list[str]:
        """The failing step's own last lines; the last lines of the whole build if it printed none."""
        own = list(self._outputs.get(self._failed, []))
        return (own or list(self._lines))[-lines:]
