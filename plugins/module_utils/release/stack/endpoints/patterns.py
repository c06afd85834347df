# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of people that are searched in texts of others: what is wrong with one."""

from __future__ import annotations

import re

LONGEST_PATTERN = 1000
_REPEATED = re.compile(r"[*+]|\{[0-9]*,[0-9]*\}")


def problem_of(pattern: str) -> str:
    """Why a pattern cannot be used; empty if it can."""
    if len(pattern) > LONGEST_PATTERN:
        return f"is longer than {LONGEST_PATTERN} characters"
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a regular expression: {error}"
    if _nests(pattern):
        return "repeats a group that repeats: a text of others could keep it busy for years"
    return ""


def _nests(pattern: str) -> bool:
    """Whether something that is repeated without end is within something that is, as in `(a+)+`."""
    text = re.sub(r"\\.", "x", pattern)
    text = re.sub(r"\[\^?\]?[^\]]*\]", "x", text)
    open_groups: list[bool] = []
    index = 0
    while index < len(text):
        character = text[index]
        index += 1
        if character == "(":
            open_groups.append(False)
        elif character == ")" and open_groups:
            inside = open_groups.pop()
            if inside and _REPEATED.match(text, index):
                return True
            if open_groups and inside:
                open_groups[-1] = True
        elif open_groups and _REPEATED.match(text, index - 1):
            open_groups[-1] = True
    return False
