# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers: what they reach beside the internet, and what they may use."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.attacks import PLACE, Attacked
from support.lab import until

PORT = "5432"
METADATA = "169.254.169.254"


@pytest.fixture
def database(shop: Attacked) -> Iterator[Attacked]:
    """A service for this host alone."""
    with shop.background("python3", f"{PLACE}/serve.py", "127.0.0.1", PORT):
        until(lambda: shop.root(f"curl -s --max-time 2 127.0.0.1:{PORT} || true") == "REACHED", 10, "the service")
        yield shop


@pytest.mark.attack("2", "frames to 127.0.0.1 from {where}", "nothing comes back")
@pytest.mark.parametrize("where", ["a stack's container", "a container with Docker's usual rights"])
def test_the_host_s_loopback_is_not_reached(database: Attacked, where: str) -> None:
    script = f"{PLACE}/reach_loopback.py"
    if where.startswith("a stack"):
        command = f"docker exec -i {database.container()} python3 - {PORT} <{script}"
    else:
        command = f"docker run --rm -i onehost-lab/python:3 python3 - {PORT} <{script}"
    assert database.root(command, check=False).strip() in ("NOTHING", "FORBIDDEN")


@pytest.fixture
def metadata(shop: Attacked) -> Iterator[Attacked]:
    """A cloud's metadata service, beside the host as in a cloud; it resolves names too."""
    there = "ip -n metadata"
    shop.root(
        "ip netns add metadata; ip link add veth-meta type veth peer name eth0 netns metadata; "
        "ip addr add 169.254.0.1/16 dev veth-meta; ip link set veth-meta up; "
        f"{there} addr add {METADATA}/16 dev eth0; {there} link set eth0 up; {there} link set lo up; "
        f"{there} route add default via 169.254.0.1"
    )
    try:
        words = ("ip", "netns", "exec", "metadata", "python3", f"{PLACE}/serve.py", METADATA, "80", "53")
        with shop.background(*words):
            until(lambda: shop.root(f"curl -s --max-time 2 {METADATA} || true") == "REACHED", 10, "the service")
            yield shop
    finally:
        shop.root("ip link del veth-meta; ip netns del metadata", check=False)


@pytest.mark.attack("3", "the cloud's metadata service, from a container", "not reached; names still resolve there")
def test_the_metadata_service_is_not_reached(metadata: Attacked) -> None:
    assert metadata.from_inside("connect.py", METADATA, "80") == ""
    assert metadata.from_inside("connect.py", METADATA, "53") == f"{METADATA} 53"
    assert metadata.from_inside("connect.py", METADATA, "53", "udp") == f"{METADATA} 53"


@pytest.mark.attack(
    "13", "a container without limits of its own: processes, memory, raw sockets", "it has the platform's"
)
@pytest.mark.parametrize("environment", ["staging", "production"])
def test_every_container_has_limits(shop: Attacked, environment: str) -> None:
    host = json.loads(shop.root(f"docker inspect {shop.container(environment)}"))[0]["HostConfig"]
    assert 0 < (host["PidsLimit"] or 0) <= 4096
    total = int(shop.root("awk '/MemTotal/ { print $2 * 1024 }' /proc/meminfo"))
    assert 0 < host["Memory"] < total
    assert {name.removeprefix("CAP_") for name in host["CapDrop"] or []} & {"NET_RAW", "ALL"}
    assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])


@pytest.mark.attack("13", "3,000 threads in a container", "it is stopped before that, the others answer")
def test_threads_are_limited(shop: Attacked) -> None:
    made = shop.from_inside("threads.py", environment="staging")
    assert int(made) < 2900
    shop.others_answer()


@pytest.mark.attack("held", "another slot, another environment, another stack, by their own addresses", "timed out")
def test_containers_do_not_reach_each_other(shop: Attacked) -> None:
    listed = shop.root(
        "docker ps --quiet --filter label=release.onehost.stack | xargs docker inspect --format "
        "'{{ .Id }} {{ range .NetworkSettings.Networks }}{{ .IPAddress }} {{ .NetworkID }}{{ end }}'"
    ).splitlines()
    mine = next(line.split()[2] for line in listed if line.startswith(shop.container()))
    others = [line.split()[1] for line in listed if line.split()[2] != mine]
    assert len(others) >= 3
    assert shop.from_inside("connect.py", ",".join(others), "8000") == ""


@pytest.mark.attack("2", "slots, the router's figures and Docker at the gateway's and the host's addresses", "refused")
def test_loopback_ports_are_not_at_other_addresses(shop: Attacked) -> None:
    addresses = shop.root("ip -4 -o addr show scope global | awk '{ sub(/\\/.*/, \"\", $4); print $4 }'").split()
    ports = "21000-21029,20000-20003,2375,2376,8405,5432"
    assert shop.from_inside("connect.py", ",".join(addresses), ports, seconds=85) == ""


@pytest.mark.attack("held", "staging's password from a container, by {name}", "401")
@pytest.mark.parametrize("name", ["host.docker.internal", "the gateway"])
def test_a_container_needs_the_password(shop: Attacked, name: str) -> None:
    address = name
    program = (
        "import http.client, sys\n"
        "connection = http.client.HTTPConnection(sys.argv[1], 4400, timeout=5)\n"
        "forged = dict.fromkeys(['X-Forwarded-For', 'X-Real-IP'], '127.0.0.1')\n"
        "connection.request('GET', '/', headers={'Host': 'shop.example', **forged})\n"
        "print(connection.getresponse().status)\n"
    )
    if name == "the gateway":
        address = shop.root(
            "docker inspect --format '{{ range .NetworkSettings.Networks }}{{ .Gateway }}{{ end }}' " + shop.container()
        ).strip()
    said = shop.run(["docker", "exec", shop.container(), "python3", "-c", program, address], seconds=20)
    assert said.out.strip() == "401", said
