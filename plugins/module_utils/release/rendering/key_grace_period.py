# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last key rotation, for people."""

from __future__ import annotations

from ..hints import RELEASING, hint
from ..releases.status import KeyRotationStatus


def lines(found: KeyRotationStatus | None) -> list[str]:
    """What an operator has to know about the last rotation, one sentence per line."""
    if found is None:
        return []
    result = []
    if found.interrupted:
        result.append(f"keys: a rotation was interrupted. Fix: {hint('rotate_jwt')}")
    elif found.late:
        result.append(f"keys: the previous public key should have expired at {found.until}. Fix: {hint('recover')}")
    elif found.running:
        until = f"until {found.until} ({found.hours_left:g} hours left)"
        result.append(f"keys: rotated at {found.since}; the previous public key is valid {until}")
    if found.old_pair_in:
        when = f"after {found.until}, " if found.running else ""
        verb = "run" if len(found.old_pair_in) > 1 else "runs"
        fix = ", then ".join(hint(RELEASING[name]) for name in found.old_pair_in)
        result.append(
            f"keys: {' and '.join(found.old_pair_in)} still {verb} with the previous key pair. Fix: {fix} "
            f"({when}everyone there has to log in again)"
        )
    return result
