# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Providing the addresses of a stack's containers."""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple

from ..planning import networks
from ..ports import Host
from ..process import lock
from ..releases.lock_holder import LockHolder
from ..stack.model import EnvironmentName

#: Another provisioning of this host gives blocks away in a moment.
LOCK_SECONDS = 30.0


class Provided(NamedTuple):
    """The block of each environment, whether that is a change, and sentences for people."""

    blocks: dict[EnvironmentName, str]
    changed: bool
    notes: list[str]


def provide(host: Host, stack: str, pool: str, who: LockHolder, *, write: bool = True) -> Provided:
    """Give each environment of a stack its block, for good. Raises RefusedError."""
    usable = networks.read_pool(pool)
    with contextlib.ExitStack() as held:
        if write:
            held.enter_context(lock.hold(os.path.join(host.paths.locks, "networks.lock"), who, LOCK_SECONDS))
        known = host.store.networks()
        mine = known.pop(stack, {})
        placed = networks.place(stack, usable, mine, known, host.machine.routes())
        changed = placed.blocks != mine
        if changed and write:
            host.store.set_networks(stack, placed.blocks)
    return Provided(placed.blocks, changed, placed.notes)
