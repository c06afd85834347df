# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving each environment a block of the host's pool of addresses. A block stays with its environment."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import NamedTuple

from ..errors import Problem, RefusedError
from ..stack.model import ENVIRONMENTS, EnvironmentName
from ..stack.networks import BLOCK_PREFIX

#: The setting of the pool.
SETTING = "stack_network_pool"
#: From a part of the private addresses that hardly anything takes by itself. One of them is free on nearly every host.
USUAL_POOLS = ("172.16.224.0/19", "10.213.0.0/19", "192.168.224.0/19", "198.18.224.0/19")
LARGEST_PREFIX = 12
PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"))
#: How Docker calls the interfaces of its networks.
BRIDGE = "br-"

Blocks = Mapping[EnvironmentName, str]


class Route(NamedTuple):
    """Where the host sends what is for these addresses. The default route is none of them."""

    destination: str
    device: str

    def __str__(self) -> str:
        return f"{self.destination} on {self.device or 'no device'}"


@dataclass(frozen=True)
class Placed:
    """The blocks of a stack, and what people should know about them."""

    blocks: dict[EnvironmentName, str]
    notes: list[str] = field(default_factory=list)


def read_pool(text: str) -> IPv4Network:
    """The pool as it is set. Raises RefusedError."""
    fix = f"give private addresses, for example `{SETTING}: {USUAL_POOLS[0]}`"
    try:
        pool = IPv4Network(text)
    except ValueError:
        raise RefusedError([Problem(f"{text!r} is no network of IPv4", SETTING, fix)]) from None
    if not LARGEST_PREFIX <= pool.prefixlen <= BLOCK_PREFIX:
        what = f"{text} is not between /{LARGEST_PREFIX} and /{BLOCK_PREFIX}; each environment takes a /{BLOCK_PREFIX}"
        raise RefusedError([Problem(what, SETTING, fix)])
    if not any(pool.subnet_of(private) for private in PRIVATE):
        raise RefusedError([Problem(f"{text} is not private: containers could not reach who has it", SETTING, fix)])
    return pool


def place(
    stack: str, pool: IPv4Network, known: Blocks, others: Mapping[str, Blocks], routes: Sequence[Route]
) -> Placed:
    """The block of each environment of a stack: the one that it has, or the first that is free.

    `others` are the blocks of the other stacks. Addresses to which the host has another way are not used; if an
    environment has them already, that is said, but nothing is changed under what runs. Raises RefusedError if no block
    is free.
    """
    foreign = [route for route in routes if not _is_bridge_within(route, pool)]
    taken = [IPv4Network(block) for blocks in (known, *others.values()) for block in blocks.values()]
    taken += [IPv4Network(route.destination) for route in routes]
    found = Placed({})
    for name in ENVIRONMENTS:
        block = known.get(name, "")
        if block and IPv4Network(block).subnet_of(pool):
            found.notes.extend(_in_the_way(stack, name, block, foreign))
        else:
            had, block = block, str(_first_free(stack, name, pool, taken, foreign))
            if had:
                found.notes.append(
                    f"containers of {stack} {name} get addresses of {block} in place of {had}, slot by slot, with the "
                    "next releases: rules elsewhere that name the old ones need the new ones too"
                )
        found.blocks[name] = block
        taken.append(IPv4Network(block))
    return found


def _first_free(
    stack: str, name: EnvironmentName, pool: IPv4Network, taken: Sequence[IPv4Network], foreign: Sequence[Route]
) -> IPv4Network:
    free = (block for block in pool.subnets(new_prefix=BLOCK_PREFIX) if not any(map(block.overlaps, taken)))
    block = next(free, None)
    if block is not None:
        return block
    ways = [str(route) for route in foreign if IPv4Network(route.destination).overlaps(pool)]
    why = f"this host has other routes: {', '.join(ways)}" if ways else "all its blocks have an environment"
    other = next(_usable(foreign), "")
    fix = f"give the host another pool, for example `{SETTING}: {other}`" if other else f"set {SETTING} to another pool"
    what = f"no addresses for containers of {name} are left in {pool}: {why}"
    raise RefusedError([Problem(what, f"stack {stack}", fix)])


def _usable(foreign: Iterable[Route]) -> Iterator[str]:
    ways = [IPv4Network(route.destination) for route in foreign]
    return (pool for pool in USUAL_POOLS if not any(map(IPv4Network(pool).overlaps, ways)))


def _in_the_way(stack: str, name: EnvironmentName, block: str, foreign: Sequence[Route]) -> list[str]:
    ways = [str(route) for route in foreign if IPv4Network(route.destination).overlaps(IPv4Network(block))]
    if not ways:
        return []
    return [
        f"containers of {stack} {name} have addresses of {block}, to which this host has another route too "
        f"({', '.join(ways)}): they cannot reach each other's. Change {SETTING}, then release"
    ]


def _is_bridge_within(route: Route, pool: IPv4Network) -> bool:
    """Whether this is a network of Docker's in the pool: a slot's, of today or of before, or one that somebody made."""
    return route.device.startswith(BRIDGE) and ipaddress.IPv4Network(route.destination).subnet_of(pool)
