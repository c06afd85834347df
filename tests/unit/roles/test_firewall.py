# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the firewall, in the order in which they are asked. Packets are for tests with a kernel."""

from __future__ import annotations

from typing import Any

import pytest
from support.rendering import render

pytestmark = pytest.mark.usefixtures("collection")
LIMITED = "fib daddr type local tcp dport { 80, 4400 } ct state new jump connections"


def chains(**variables: Any) -> dict[str, list[str]]:
    """The rules of each chain and the lines of each set, without comments."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in render("firewall", "firewall.nft.j2", **variables).splitlines():
        words = line.split()
        if words[:1] in (["chain"], ["set"]):
            name = words[1]
            found[name] = []
        elif name and words and words[0] not in ("#", "}"):
            found[name].append(" ".join(words))
    return found


def usual(**more: Any) -> dict[str, list[str]]:
    return chains(firewall_ports=[4400, 80], firewall_staging_ports=[4400], **more)


def test_containers_do_not_reach_loopback_and_metadata() -> None:
    guard, containers = usual()["guard"], usual()["containers"]
    into = [f'iifname "{name}" jump containers' for name in ("docker0", "docker_gwbridge", "br-*")]
    assert guard[1:7] == ['iifname "lo" accept', "ip saddr 127.0.0.0/8 drop", *into, "ip daddr 127.0.0.0/8 drop"]
    assert containers == [
        "ip daddr 127.0.0.0/8 drop",
        "meta l4proto { tcp, udp } th dport 53 accept",
        "ip daddr { 169.254.0.0/16, 168.63.129.16, 100.100.100.200 } drop",
        "ip6 daddr { fd00:ec2::254, fd20:ce::254 } drop",
        LIMITED,
        "accept",
    ]


def test_an_exception_is_first_and_says_why() -> None:
    wanted = [
        {"network": "169.254.169.254/32", "reason": "the agent\nreads its key"},
        {"network": "fd00:ec2::254", "reason": "the same"},
    ]
    rules = usual(firewall_container_access=wanted)["containers"]
    assert rules[:3] == [
        "ip daddr 169.254.169.254/32 accept",
        "ip6 daddr fd00:ec2::254 accept",
        "ip daddr 127.0.0.0/8 drop",
    ]
    text = render("firewall", "firewall.nft.j2", firewall_container_access=wanted)
    assert "# 169.254.169.254/32: the agent reads its key\n" in text, "on one line, or the rest would be a rule"


def test_one_client_has_a_limit_and_so_has_staging() -> None:
    found = usual(firewall_connections_per_client=300, firewall_staging_connections=900)
    assert found["connections_to_staging"] == [
        "add @staging { ip saddr ct count over 300 } counter reject with tcp reset",
        "add @staging6 { ip6 saddr & ffff:ffff:ffff:ffff:: ct count over 300 } counter reject with tcp reset",
        "ct count over 900 counter reject with tcp reset",
    ]
    # A client that has used up staging still has production.
    assert found["connections"] == [
        "tcp dport { 4400 } goto connections_to_staging",
        "add @clients { ip saddr ct count over 300 } counter reject with tcp reset",
        "add @clients6 { ip6 saddr & ffff:ffff:ffff:ffff:: ct count over 300 } counter reject with tcp reset",
    ]
    assert found["guard"].index(LIMITED) < found["guard"].index("tcp dport 80 accept")
    # Not SSH's, and not what a trusted interface brings.
    trusted = usual(firewall_trusted_interfaces=["wg0"])["guard"]
    assert trusted.index('iifname "wg0" accept') < trusted.index("tcp dport { 22 } accept") < trusted.index(LIMITED)


def test_a_proxy_speaks_for_many() -> None:
    found = usual(firewall_proxies=["192.0.2.0/24", "2001:db8::/32"])
    for rules in (found["connections"][1:], found["connections_to_staging"]):
        assert rules[0].startswith("ip saddr != { 192.0.2.0/24 } add @")
        assert rules[1].startswith("ip6 saddr != { 2001:db8::/32 } add @")


@pytest.mark.parametrize(
    ("options", "rules", "of_staging"),
    [
        ({"firewall_connections_per_client": 0}, 1, 1),
        ({"firewall_staging_connections": 0}, 3, 2),
        ({"firewall_staging_ports": []}, 2, 0),
    ],
)
def test_each_limit_can_be_off(options: dict[str, Any], rules: int, of_staging: int) -> None:
    found = chains(**{"firewall_ports": [4400, 80], "firewall_staging_ports": [4400], **options})
    assert (len(found["connections"]), len(found.get("connections_to_staging", []))) == (rules, of_staging)
    assert ("clients" in found) is (rules > 1)


def test_no_limits_at_all() -> None:
    found = chains(firewall_ports=[80], firewall_connections_per_client=0)
    assert "connections" not in found and not any("jump connections" in rule for rule in found["guard"])
    assert not any("jump connections" in rule for rule in chains()["guard"]), "nothing is open"
