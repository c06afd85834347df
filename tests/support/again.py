# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests go back and forth between two versions, and so promote again what was rolled back. The gate against that is one
for people, who are to say why."""

from __future__ import annotations

from collections.abc import Sequence

GATE = "not_rolled_back"
REASON = "tests go back and forth"
#: The same for a playbook.
VARIABLES = {"skip_gates": GATE, "reason": REASON}


def words_of(*words: str) -> tuple[str, ...]:
    """A command of the engine; a promote is one that may come again."""
    if words[0] != "promote":
        return words
    reason = () if "--reason" in words else ("--reason", REASON)
    return (*words, "--skip-gates", GATE, *reason)


def options_of(playbook: str) -> Sequence[str]:
    """The options that a promote on a command line needs."""
    return ("-e", f"skip_gates={GATE}", "-e", f"reason='{REASON}'") if playbook == "promote" else ()
