# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses the containers of each environment get."""

from __future__ import annotations

import itertools
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.errors import RefusedError
from release.planning.networks import USUAL_POOLS, Blocks, Route, place, read_pool
from release.stack.model import SLOTS
from release.stack.networks import MOST_APPS, network_of

POOL = read_pool(USUAL_POOLS[0])
#: What hosts usually have: clouds, Docker, VPNs, virtual machines, clusters.
USUAL = [
    *("10.0.0.0/16", "172.31.0.0/16", "10.128.0.0/20", "172.16.0.0/20", "169.254.0.0/16", "100.64.0.0/10"),
    *(f"172.{number}.0.0/16" for number in range(17, 32)),
    *("192.168.0.0/16", "10.8.0.0/24", "10.0.0.0/8", "10.96.0.0/12", "10.244.0.0/16", "10.88.0.0/16"),
]


def test_the_default_is_nobodys() -> None:
    assert not [usual for usual in USUAL if IPv4Network(usual).overlaps(POOL)]


def test_twenty_stacks_on_one_host() -> None:
    """80 slots, of which no two share an address, though what runs shows as routes; and the same again."""
    given_away: dict[str, Blocks] = {}
    routes = [Route(usual, "eth0") for usual in USUAL]
    for name in (f"stack-{number}" for number in range(20)):
        given_away[name] = place(name, POOL, {}, given_away, routes).blocks
        networks = [network_of(block, slot) for block in given_away[name].values() for slot in SLOTS]
        routes += [Route(network, f"br-{name}") for network in networks]
    slots = [IPv4Network(network_of(b, slot)) for each in given_away.values() for b in each.values() for slot in SLOTS]
    assert len(slots) == 80 and all(slot.subnet_of(POOL) and slot.num_addresses - 4 == MOST_APPS for slot in slots)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(slots, 2))
    for name, blocks in given_away.items():
        others = {other: b for other, b in given_away.items() if other != name}
        again = place(name, POOL, blocks, others, routes)
        assert again.blocks == blocks and again.notes == []


def test_the_halves_of_a_block() -> None:
    assert network_of("172.16.224.64/26", "blue") == "172.16.224.64/27"
    assert network_of("172.16.224.64/26", "green") == "172.16.224.96/27"


@given(st.lists(st.sampled_from([str(block) for block in POOL.subnets(new_prefix=24)]), unique=True, max_size=32))
def test_nobody_gets_addresses_to_which_there_is_another_way(routes: list[str]) -> None:
    """Whoever made them: a VPN, or a network of Docker's that is not of today."""
    ways = [Route(route, "br-1" if number % 2 else "wg0") for number, route in enumerate(routes)]
    try:
        found = place("shop", POOL, {}, {}, ways).blocks
    except RefusedError:
        assert len(routes) == 32
    else:
        assert not any(IPv4Network(b).overlaps(IPv4Network(route)) for b in found.values() for route in routes)


def test_a_route_around_the_whole_pool() -> None:
    """A new environment is refused with a pool that would do; one that has its addresses keeps them, and it is said."""
    ways = [Route("172.16.0.0/12", "tun0"), Route("10.0.0.0/8", "eth1"), Route("172.17.0.0/16", "docker0")]
    with pytest.raises(RefusedError) as refused:
        place("shop", POOL, {}, {}, ways)
    assert str(refused.value) == (
        "stack shop: no addresses for containers of staging are left in 172.16.224.0/19: this host has other routes: "
        "172.16.0.0/12 on tun0. Fix: give the host another pool, for example `stack_network_pool: 192.168.224.0/19`"
    )
    known: Blocks = {"staging": "172.16.224.0/26", "production": "172.16.224.64/26"}
    kept = place("shop", POOL, known, {}, ways)
    assert kept.blocks == known
    assert [note.partition(": they")[0] for note in kept.notes] == [
        "containers of shop staging have addresses of 172.16.224.0/26, to which this host has another route too "
        "(172.16.0.0/12 on tun0)",
        "containers of shop production have addresses of 172.16.224.64/26, to which this host has another route too "
        "(172.16.0.0/12 on tun0)",
    ]


def test_a_pool_that_is_full() -> None:
    pool = read_pool("172.16.224.0/25")
    others: dict[str, Blocks] = {"blog": {"staging": "172.16.224.0/26"}}
    with pytest.raises(RefusedError, match=r"of production are left in .*: all its blocks have an environment"):
        place("shop", pool, {}, others, [])
    nowhere = [Route("0.0.0.0/2", "a"), Route("128.0.0.0/2", "b"), Route("192.0.0.0/2", "c")]
    with pytest.raises(RefusedError, match=r"Fix: set stack_network_pool to another pool$"):
        place("shop", POOL, {}, {}, nowhere)


def test_another_pool_moves_an_environment_and_says_so() -> None:
    known: Blocks = {"staging": "10.1.0.0/26", "production": "172.16.224.64/26"}
    moved = place("shop", POOL, known, {}, [Route("10.1.0.0/27", "br-1"), Route("172.16.224.0/27", "br-2")])
    assert moved.blocks == {"staging": "172.16.224.128/26", "production": "172.16.224.64/26"}
    assert moved.notes == [
        f"containers of shop staging get addresses of {moved.blocks['staging']} in place of 10.1.0.0/26, slot by slot, "
        "with the next releases: rules elsewhere that name the old ones need the new ones too"
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("here", "is no network of IPv4"),
        ("fd00::/64", "is no network of IPv4"),
        ("172.16.224.1/19", "is no network of IPv4"),
        ("172.16.224.0/27", "is not between /12 and /26"),
        ("10.0.0.0/8", "is not between /12 and /26"),
        ("203.0.112.0/20", "is not private"),
        ("172.0.0.0/12", "is not private"),
        ("100.64.0.0/16", "is not private"),
    ],
)
def test_pools_that_cannot_be(text: str, what: str) -> None:
    with pytest.raises(RefusedError, match=what):
        read_pool(text)
