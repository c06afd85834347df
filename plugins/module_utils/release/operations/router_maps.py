# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All maps of a stack without which HAProxy does not start."""

from __future__ import annotations

from ..ports import Host
from ..stack.model import Stack
from . import flags, maintenance_state, reach, witnesses


def provide(host: Host, name: str, stack: Stack | None, *, write: bool = True) -> list[str]:
    """Make those anew that are missing or damaged. Returns what they say now. A stack without a definition, or with a
    damaged one, is None: HAProxy starts for all stacks or for none."""
    return [
        *witnesses.provide_maps(host, name, write=write),
        *reach.provide_maps(host, name, write=write),
        *flags.provide_maps(host, name, stack, write=write),
        *maintenance_state.provide_maps(host, name, stack, write=write),
    ]
