# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and words of copies by restic."""

from __future__ import annotations

#: What a dump calls itself, so that a migration finds it.
DUMP = "onehost-dump"
#: What PostgreSQL says to one that was ended, in any of its languages' absence.
_ENDED = "due to administrator command"


def tag(thing: str) -> str:
    """How restic finds the copies of one thing: `production/database/main`."""
    return thing.replace(" ", "/")


def was_put_off(cause: str) -> bool:
    """Whether a dump ended because a migration needed its tables: it is done later, and nothing is wrong."""
    return _ENDED in cause or "server closed the connection unexpectedly" in cause
