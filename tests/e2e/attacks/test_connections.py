# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections: one client, or staging, cannot take the ports of everybody. All from a network of the lab's own."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from support.attacks import OTHER, PLACE, STACK, Attacked
from support.lab import until

HOST = "192.0.2.1"
#: The clients' addresses; the last one is a visitor who means no harm.
VISITOR = "192.0.2.250"
FEW, MANY = ["192.0.2.2"], [f"192.0.2.{number}" for number in range(10, 110)]
HOLD_SECONDS = 20
#: Answers that a visitor must get in that time, and how long each may take.
PROBES, PROBE_SECONDS = 10, 3


@pytest.fixture(scope="module")
def outside(attacked: Attacked) -> Iterator[Attacked]:
    """A network beside the host, with many machines."""
    addresses = " ".join(f"ip -n outside addr add {it}/24 dev eth0;" for it in (*FEW, *MANY, VISITOR))
    attacked.root(
        "ip netns add outside; ip link add veth-t type veth peer name eth0 netns outside; ip link set veth-t up; "
        f"ip -n outside link set eth0 up; ip -n outside link set lo up; ip addr add {HOST}/24 dev veth-t; {addresses} "
        "ip netns exec outside sysctl -qw net.ipv4.ip_local_port_range='1024 65000'; true"
    )
    try:
        yield attacked
    finally:
        attacked.root("ip link del veth-t; ip netns del outside", check=False)


@contextmanager
def flood(shop: Attacked, port: int, connections: int, sources: list[str], *options: str) -> Iterator[dict[str, int]]:
    """Half a request on each connection, held while the block runs. Yields how many were open."""
    words = ["ip", "netns", "exec", "outside", "python3", f"{PLACE}/flood.py", HOST, str(port), str(connections)]
    process = subprocess.Popen(
        ["docker", "exec", shop.lab.name, "timeout", "120", *words, str(HOLD_SECONDS), *options, *sources],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.wait(timeout=150)
        until(shop.answers, 30, "every app answers")


def visited(shop: Attacked, port: int, host: str) -> list[str]:
    """What a visitor gets, again and again: statuses; 000 if nothing came in time."""
    got = []
    for _ in range(PROBES):
        got.append(
            shop.root(
                "ip netns exec outside curl --silent --output /dev/null --write-out '%{http_code}'"
                f" --interface {VISITOR} --max-time {PROBE_SECONDS} --header 'Host: {host}' http://{HOST}:{port}/",
                check=False,
            ).strip()
        )
        # The questions are spread over the flood; this waits for nothing.
        time.sleep(0.2)
    return got


@pytest.mark.attack(
    "5", "20,000 connections with half a request to staging, from {clients}", "production answers all along"
)
@pytest.mark.parametrize("clients", ["one address", "a hundred addresses"])
def test_half_open_connections_take_no_port_away(outside: Attacked, clients: str) -> None:
    outside.repair()
    sources = FEW if clients == "one address" else MANY
    with flood(outside, 4400, 20000, sources) as seen:
        assert seen["started"] > 10000, "that was no flood"
        for where in (80, 4500):
            assert visited(outside, where, f"{STACK}.example") == ["200"] * PROBES, seen
            assert visited(outside, where, f"{OTHER}.example") == ["200"] * PROBES, seen


@pytest.mark.attack(
    "5", "20,000 connections with half a request to production's port, from one address", "others are answered"
)
def test_one_client_takes_no_port_away(outside: Attacked) -> None:
    outside.repair()
    with flood(outside, 4500, 20000, FEW) as seen:
        assert visited(outside, 4500, f"{STACK}.example") == ["200"] * PROBES, seen
        assert visited(outside, 80, f"{STACK}.example") == ["200"] * PROBES, seen


@pytest.mark.attack("5", "connections that send nothing more", "closed after seconds, not a minute")
def test_a_header_must_come(outside: Attacked) -> None:
    begun = time.monotonic()
    outside.raw("production", b"GET / HTTP/1.1\r\nHost: shop.exam", seconds=40)
    assert time.monotonic() - begun < 35


@pytest.mark.attack(
    "5", "60 unfinished uploads of 9 MB each from one address", "they hold little of the disk; others are answered"
)
def test_unfinished_uploads_hold_little(outside: Attacked) -> None:
    outside.repair()
    held = (
        "for pid in $(pgrep nginx); do ls -l /proc/$pid/fd 2>/dev/null; done | grep -c 'nginx/body.*deleted' || true; "
        "for pid in $(pgrep nginx); do for fd in /proc/$pid/fd/*; do readlink $fd | grep -q nginx/body && "
        "stat --dereference --format %b $fd; done; done 2>/dev/null | awk '{ sum += $1 * 512 } END { print sum + 0 }'"
    )
    with flood(outside, 4500, 60, FEW, "--upload", "9000000"):
        files, size = (int(word) for word in outside.root(held, check=False).split())
        assert visited(outside, 4500, f"{STACK}.example") == ["200"] * PROBES
    assert size < 250e6, f"{files} bodies hold {size / 1e6:.0f} MB"
