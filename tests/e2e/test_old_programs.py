# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every configuration that is rendered is taken by nginx and HAProxy of each age that a host may have, and understood.

The labs have the programs of their own distribution. Here the configuration is tested by others: nginx 1.18, as Ubuntu
22.04 has it, and HAProxy 2.2 and 2.6, on both sides of Ubuntu's 2.4; and by those of the next Debian.
"""

from __future__ import annotations

import http.client
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.edge_files import MAPS, Stacks, haproxy_files, nginx_files
from support.lab import until
from support.old_programs import Programs

from release.adapters import haproxy_replicas
from release.paths import routes_of
from release.releases.reach import Reach, map_entries, reach_of
from release.stack.maintenance import Maintenance, router_maps
from release.stack.model import Slot
from release.stack.reader import read_stack

DEFINITIONS = Path(__file__).parent / "files" / "every_option.yml"
#: The suite, and which nginx and HAProxy are expected in it: a newer one would prove less.
OLD = {"bullseye": ("1.18.", "2.2."), "bookworm": ("1.22.", "2.6.")}
#: And what comes next, whatever it is by now.
SUITES = OLD | {"sid": ("1.", "3.")}
#: What HAProxy and nginx print of a configuration that they take, but do not like.
WARNING = re.compile(r"\[(warn|warning|alert|emerg)\b", re.IGNORECASE)

ALL = {
    "edge_trusted_proxies": ["10.0.0.0/8", "2001:db8::/32"],
    "edge_basic_auth": {"shop-staging": ["ann:{PLAIN}x"], "shop-production": ["ann:{PLAIN}x"]},
    "status_page_networks": ["192.0.2.0/24", "2001:db8::/32"],
    "status_page_users": ["ann:{PLAIN}x"],
    "router_metrics_port": 9101,
    "edge_head_kb": 64,
    "edge_header_underscores": True,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "with every option": ALL,
    "without IPv6": ALL | {"edge_ipv6": False},
}


@pytest.fixture(scope="module", params=SUITES)
def programs(request: pytest.FixtureRequest) -> Programs:
    programs = Programs(request.param)
    nginx, haproxy = SUITES[request.param]
    assert f"nginx/{nginx}" in programs.version("nginx")
    assert re.search(rf"version {re.escape(haproxy)}", programs.version("haproxy"))
    return programs


@pytest.fixture(scope="module")
def stacks(collection: None) -> Stacks:
    definitions = yaml.safe_load(DEFINITIONS.read_text())
    return [read_stack(name, data).to_mapping(with_env=False) for name, data in definitions.items()]


def assert_taken(programs: Programs, command: str, files: dict[str, str]) -> None:
    code, printed = programs.run(command, files)
    assert code == 0, f"{programs.suite}: {printed}"
    assert not WARNING.search(printed), f"{programs.suite}: {printed}"


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_nginx_takes_the_edge(programs: Programs, stacks: Stacks, options: dict[str, Any]) -> None:
    files = nginx_files(stacks, programs.number("nginx"), **options)
    assert len([name for name in files if "/tls/" in name]) == 9
    # The whole, and then each part alone, as the roles have it tested before it is put in place.
    parts = [f"{routes_of(stack['name'])}/live/{name}.conf" for stack in stacks for name in stack["environments"]]
    tests = ["nginx -t", *(f"/etc/nginx/onehost/test-part {part}" for part in parts)]
    own = "/etc/nginx/onehost/own/shop-staging/status_page.conf"
    assert_taken(programs, " && ".join([*tests, f"/etc/nginx/onehost/test-part {own} in-server"]), files)


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_haproxy_takes_the_router(programs: Programs, stacks: Stacks, options: dict[str, Any]) -> None:
    assert_taken(
        programs, "haproxy -c -f /etc/haproxy/haproxy.cfg", haproxy_files(stacks, programs.number("haproxy"), **options)
    )


#: HAProxy in place of an app in a slot: its answer is the path and the upgrade that it was asked for.
APP = """
frontend app-{port}
    bind 127.0.0.1:{port}
    http-request return status 200 content-type text/plain lf-string "%[path] %[req.hdr(Upgrade)]"
"""
PATHS = {
    "/": "200 /",
    "/a.b/c/x%2Fy//z;w": "200 /x%2Fy//z;w",
    "/single/a%2Fb//c": "200 /single/a%2Fb//c",
    # Not the prefix, however it is meant.
    "/a.b/c/../c/x": "404",
    "/a.b/c/%2e%2E/c/x": "404",
    "/a%2eb/c/x": "404",
    "//a.b/c/x": "404",
    # A closed route, and what an app might take for it.
    "/front/battle": "503",
    "/front/b%61ttle/x": "503",
    "/front//battle": "400",
    "/front/battle;x": "400",
    "/front/x%5Cbattle": "400",
    "/front/./battle": "404",
    "/%66ront/battle": "404",
    "/front/open": "200 /open",
}


def ask(address: str, path: str, **headers: str) -> str:
    """The status, and the body of a good answer, from staging of shop."""
    connection = http.client.HTTPConnection(address, 8100, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    return f"{answer.status} {text}".strip() if answer.status == 200 else str(answer.status)


def test_they_do_what_the_configuration_says(programs: Programs, stacks: Stacks) -> None:
    files = nginx_files(stacks, programs.number("nginx")) | haproxy_files(stacks, programs.number("haproxy"))
    files["/etc/haproxy/haproxy.cfg"] += "".join(APP.format(port=port) for port in (21000, 21010, 21020))
    files[f"{MAPS}/shop-staging.map"] = "live blue/20261126T000000Z-staging-abc\n"
    shop = read_stack("shop", next(stack for stack in stacks if stack["name"] == "shop"))
    ports = map_entries({"blue": reach_of(shop, shop.apps, "staging", "blue")})
    files[f"{MAPS}/shop-staging-reach.map"] = "".join(f"{key} {value}\n" for key, value in ports.items())
    files[f"{MAPS}/shop-staging-off.map"] = "front/front/battle/ battle\nfront: closed\n"
    with programs.serving(files) as served:
        assert {path: ask(served.address, path) for path in PATHS} == PATHS
        rest = {"Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        asked = {name: ask(served.address, "/", Upgrade=name, **rest) for name in ("h2c", "WebSocket")}
    assert asked == {"h2c": "200 /", "WebSocket": "200 / websocket"}


#: What is closed for whom, by path: the status, and the body of whose page it is.
CLOSED = {
    "/": (200, "/"),
    "/single/x": (503, "the maintenance of shop"),
    "/front/open": (200, "/open"),
    "/front/works": (503, "the maintenance of shop"),
    "/single/%78": (503, "the maintenance of shop"),
    "/plain": (200, "/plain"),
    # Its time is over by the router's clock.
    "/a.b/c/over": (200, "/over"),
    "/a%2eb/c/x": (404, "the 404 of shop"),
    "/front/battle": (503, "the 503 of shop"),
}


def test_maintenance_and_pages_of_a_release(programs: Programs, stacks: Stacks) -> None:
    files = nginx_files(stacks, programs.number("nginx")) | haproxy_files(stacks, programs.number("haproxy"))
    files["/etc/haproxy/haproxy.cfg"] += "".join(APP.format(port=port) for port in (21000, 21010, 21020))
    files[f"{MAPS}/shop-staging.map"] = "live blue/20261126T000000Z-staging-abc\n"
    shop = read_stack("shop", next(stack for stack in stacks if stack["name"] == "shop"))
    ports = map_entries({"blue": reach_of(shop, shop.apps, "staging", "blue")})
    files[f"{MAPS}/shop-staging-reach.map"] = "".join(f"{key} {value}\n" for key, value in ports.items())
    files[f"{MAPS}/shop-staging-off.map"] = "front/front/battle/ battle\nfront: closed\n"
    later = int(time.time()) + 1000
    found = [
        Maintenance(later, "single"),
        Maintenance(later, "front", "/front/works", allow=("192.0.2.0/24",)),
        Maintenance(1000, "api", "/a.b/c/over"),
        Maintenance(later, "api", "/let", allow=("0.0.0.0/1", "128.0.0.0/1")),
    ]
    for kind, entries in zip(("maintenance", "allowed"), router_maps(found, {}), strict=True):
        files[f"{MAPS}/shop-staging-{kind}.map"] = "".join(f"{key} {value}\n" for key, value in entries.items())
    for name in ("404", "413", "502", "503", "maintenance"):
        files[f"{routes_of('shop')}/pages/staging/{name}.html"] = f"the {name} of shop"
        files[f"{routes_of('shop')}/pages/staging/{name}.json"] = f'"{name}"'
    with programs.serving(files) as served:
        said = {path: get(served.address, path) for path in CLOSED}
        assert {path: (status, body) for path, (status, body, _headers) in said.items()} == CLOSED
        assert get(served.address, "/let")[:2] == (200, "/let")
        for path, name in (("/single", "maintenance"), ("/a%2eb/c/x", "404"), ("/front/battle", "503")):
            assert get(served.address, path, Accept="application/json")[1] == f'"{name}"'
        head = said["/single/x"][2]
        assert 900 < int(head["Retry-After"]) <= 1000 and head["X-Release"] == "20261126T000000Z-staging-abc"
        assert (head["Cache-Control"], head["X-Maintenance"]) == ("no-store", "single")
        assert said["/front/battle"][2]["X-Flag-Off"] == "battle" and said["/front/battle"][2]["Retry-After"] == "60"
        assert get(served.address, "/single", **{"X-Real-IP": "192.0.2.7", "X-Onehost-Pages": ""})[0] == 503
        rest = {"Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        assert get(served.address, "/single", Upgrade="websocket", **rest)[:2] == (503, "the maintenance of shop")


def get(address: str, path: str, **headers: str) -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection(address, 8100, timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode().strip(), answer.headers
    finally:
        connection.close()


#: HAProxy in place of a replica: it says which one it is, and how it is.
REPLICA = """
frontend replica-{number}
    bind 127.0.0.{number}:21000
    http-request return status {status} content-type text/plain string {number}
"""


def test_they_divide_requests_among_replicas(programs: Programs, stacks: Stacks) -> None:
    """From the start: which places are taken HAProxy has from its file of states. The third is not well, the fourth is
    not there."""
    files = nginx_files(stacks, programs.number("nginx")) | haproxy_files(stacks, programs.number("haproxy"))
    statuses = {1: 200, 2: 200, 3: 500}
    files["/etc/haproxy/haproxy.cfg"] += "".join(REPLICA.format(number=n, status=s) for n, s in statuses.items())
    files[f"{MAPS}/shop-staging.map"] = "live blue/20261126T000000Z-staging-abc\n"
    slots: dict[Slot, dict[str, Reach]] = {"blue": {"api": Reach(21000, replicas=4), "front": Reach(21000)}}
    files[f"{MAPS}/shop-staging-reach.map"] = "".join(f"{key} {at}\n" for key, at in map_entries(slots).items())
    files[f"{MAPS}/shop-staging-servers.state"] = haproxy_replicas.states("shop", "staging", slots)
    with programs.serving(files) as served:
        until(
            lambda: {ask(served.address, "/a.b/c/x") for _ in range(8)} == {"200 1", "200 2"},
            20,
            "two of four are asked",
        )
        seen = Counter(ask(served.address, "/a.b/c/x") for _ in range(40))
        alone = {ask(served.address, "/front/open") for _ in range(8)}
    assert set(seen) == {"200 1", "200 2"} and min(seen.values()) > 10, seen
    assert alone == {"200 1"}, "an app with one container"


def test_a_host_without_stacks(programs: Programs) -> None:
    assert_taken(programs, "nginx -t", nginx_files([], programs.number("nginx")))
    assert_taken(programs, "haproxy -c -f /etc/haproxy/haproxy.cfg", haproxy_files([], programs.number("haproxy")))


@pytest.mark.parametrize("programs", OLD, indirect=True)
def test_newer_syntax_is_not_taken(programs: Programs, stacks: Stacks) -> None:
    """Otherwise the rest says nothing."""
    files = nginx_files(stacks, "1.26.3")
    code, printed = programs.run("nginx -t", files)
    assert code != 0 and 'unknown directive "http2"' in printed
    files = haproxy_files(stacks, programs.number("haproxy"))
    # Of HAProxy 3.0.
    files["/etc/haproxy/haproxy.cfg"] += "\ntraces\n    trace h1 sink stdout\n"
    code, printed = programs.run("haproxy -c -f /etc/haproxy/haproxy.cfg", files)
    assert code != 0 and "unknown keyword 'traces'" in printed
