"""A machine beside the lab, in a network of its own: it sees of the host what the internet sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

#: Opens connections and keeps them: its own address, the other's, then ports, each with how many. Prints for each port
#: how many were accepted, and why others were not.
CROWD = """
import collections, socket, sys
own, host, *wanted = sys.argv[1:]
kept = []
for port, number in zip(wanted[::2], wanted[1::2]):
    ends = collections.Counter()
    for _ in range(int(number)):
        one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        one.settimeout(2)
        one.bind((own, 0))
        try:
            one.connect((host, int(port)))
            kept.append(one)
            ends["accepted"] += 1
        except OSError as error:
            ends[type(error).__name__] += 1
    print(*sorted(f"{name}:{count}" for name, count in ends.items()))
"""
#: The host's own addresses in that network.
FOUR, SIX = "192.0.2.1", "2001:db8::1"


@contextmanager
def neighbour(
    host: Any, four: Sequence[str] = ("192.0.2.2",), six: Sequence[str] = ("2001:db8::2",)
) -> Iterator[Callable[[str], Any]]:
    """Yields a function that runs a command there. By default the client uses the first address of each kind."""
    inside = "ip -n outside"
    addresses = [f"{address}/24" for address in four] + [f"{address}/64 nodad" for address in six]
    host.check_output(
        "ip netns add outside && ip link add veth-t type veth peer name eth0 netns outside && "
        "echo 0 >/proc/sys/net/ipv6/conf/veth-t/disable_ipv6 && "
        "ip netns exec outside sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6' && "
        f"ip link set veth-t up && {inside} link set eth0 up && "
        f"ip addr add {FOUR}/24 dev veth-t && ip addr add {SIX}/64 dev veth-t nodad && "
        + " && ".join(f"{inside} addr add {address} dev eth0" for address in addresses)
    )
    try:
        yield lambda command: host.run(f"ip netns exec outside {command}")
    finally:
        host.run("ip link del veth-t; ip netns del outside")
