# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# What a diff shows of files that are new. On a host where nothing is yet everything is new, and thousands of lines hide
# what is going to happen.
from typing import Any

#: Shown of a new file, and how many more there must be before the rest is left out.
HEAD_LINES = 6
LEFT_OUT_LINES = 4


def shortened(diff: Any) -> Any:
    """The same diff of one file or of several, with the beginning of each that is new."""
    return [_short(part) for part in diff] if isinstance(diff, list) else _short(diff)


def _short(part: Any) -> Any:
    if not isinstance(part, dict) or part.get("before") != "" or not isinstance(part.get("after"), str):
        return part
    lines = part["after"].splitlines()
    left = len(lines) - HEAD_LINES
    if left < LEFT_OUT_LINES:
        return part
    return {**part, "after": "\n".join([*lines[:HEAD_LINES], f"({left} more lines; -v shows all)", ""])}
