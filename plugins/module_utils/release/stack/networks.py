# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses the containers of an environment have: a block of the host's pool, and a half of it for each slot."""

from __future__ import annotations

import ipaddress

from .model import SLOTS, Slot

#: A block has 64 addresses, so a pool of /19 is enough for 128 environments.
BLOCK_PREFIX = 26
SLOT_PREFIX = 27
#: Of the 32 addresses of a slot, the first and the last are the network's and one is the host's. One more is left for
#: a container that somebody starts by hand beside the apps.
MOST_APPS = 2 ** (32 - SLOT_PREFIX) - 4


def network_of(block: str, slot: Slot) -> str:
    """The addresses of a slot: blue has the lower half of its environment's block, green the upper one."""
    halves = ipaddress.IPv4Network(block).subnets(new_prefix=SLOT_PREFIX)
    return str(list(halves)[SLOTS.index(slot)])


def is_block(text: object) -> bool:
    """Whether this is a block, as it is written to a file."""
    try:
        return isinstance(text, str) and ipaddress.IPv4Network(text).prefixlen == BLOCK_PREFIX
    except ValueError:
        return False
