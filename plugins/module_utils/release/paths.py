# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the engine keeps its files on the host."""

from __future__ import annotations

from dataclasses import dataclass

STATE = "/var/lib/onehost"
LOCKS = "/run/onehost"
#: There when this host is its own control node.
CONTROL_COMMAND = "/usr/local/bin/onehost-control"


@dataclass(frozen=True)
class Paths:
    """Where locks and journals are kept; tests use their own."""

    state: str = STATE
    locks: str = LOCKS
