# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of restore points."""

from __future__ import annotations

import hashlib

from ...hints import host_command

#: PostgreSQL's own limit.
LONGEST = 63
FIX = f"see why its log does not reach the archive ({host_command('onehost status')}), then do it again"


def named(wanted: str) -> str:
    """A name that PostgreSQL takes: what is too long ends in a fingerprint, so that no two become one."""
    if len(wanted) <= LONGEST:
        return wanted
    return f"{wanted[: LONGEST - 9]}-{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"
