# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge: what it passes on, whom it believes, and what it writes down."""

from __future__ import annotations

import json

import pytest
from support.attacks import PLACE, STACK, Attacked
from support.lab import until

PEER = "198.51.100.7"
HOST = f"{STACK}.example"


def upgrade(to: str) -> bytes:
    return (
        f"GET /chat HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: {to}\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "\r\n"
    ).encode()


@pytest.mark.attack("10", "Upgrade: {to}, then a tunnel past the edge", "no tunnel")
@pytest.mark.parametrize("to", ["h2c", "websocketx", "foo", "h2c, websocket", "TLS/1.0"])
def test_only_websocket_is_an_upgrade(shop: Attacked, to: str) -> None:
    got = shop.raw("production", upgrade(to), b"GET /anything-past-the-edge", seconds=2)
    assert not got.startswith(b"HTTP/1.1 101"), got
    assert b"TUNNEL-GOT" not in got


@pytest.mark.attack("held", "WebSocket, in any spelling", "goes through")
@pytest.mark.parametrize("to", ["websocket", "WebSocket"])
def test_websocket_goes_through(shop: Attacked, to: str) -> None:
    got = shop.raw("production", upgrade(to), b"hello", seconds=3)
    assert got.startswith(b"HTTP/1.1 101") and b"TUNNEL-GOT:hello" in got


SPELLINGS = (
    *("/lab/battle", "/lab/battle/", "/lab/battle/x", "/lab/battle?x=1", "/lab/BATTLE", "/lab/%62attle"),
    *("/lab//battle", "/lab/./battle", "/lab/x/../battle", "/lab/%2e/battle", "/other/../lab/battle", "/%6cab/battle"),
    *("//lab/battle", "/lab/battle;a=b", "/lab;x/battle", "/lab/x/%2e%2e/battle", "/lab/%2e%2e/lab/battle"),
    *(
        "/lab/%5c../battle",
        "/lab/..%2fbattle",
        "/lab%2fbattle",
        "/lab/.%2e/lab/battle",
        "/./lab/battle",
        "/lab/battle%00",
    ),
    *("/lab/battle//", "/lab/battle/.", "/LAB/battle"),
)


@pytest.mark.attack("11", "a closed route as `{path}`", "the app never sees it")
@pytest.mark.parametrize("path", SPELLINGS)
def test_a_closed_route_is_closed_in_every_spelling(shop: Attacked, path: str) -> None:
    answer = shop.get("production", path)
    if answer.status == 200:
        # Another app, or a path that means something else, may have it.
        seen = answer.json()
        assert seen["app"] != f"{STACK}-lab", f"{path} reached it as {seen['path']}"
    else:
        assert answer.status in (400, 403, 404, 503), answer


@pytest.mark.attack("11", "`{path}`, which nginx and the app read differently", "never with the prefix still on")
@pytest.mark.parametrize("path", ["/lab/..", "/%6cab", "//lab/x", "/%6cab/x", "/lab/../lab", "/./lab/x", "/x/../lab/y"])
def test_a_prefix_is_taken_off_or_the_request_is_refused(shop: Attacked, path: str) -> None:
    answer = shop.get("production", path)
    if answer.status == 200 and answer.json()["app"] == f"{STACK}-lab":
        assert "lab" not in answer.json()["path"].lower(), answer.body
    assert answer.status in (200, 307, 308, 400, 404), answer


@pytest.mark.attack("held", "`{path}` for an app without closed routes", "passes byte for byte")
@pytest.mark.parametrize(
    "path", ["/files/a%2Fb", "/files/a%20b?c=%2F..", "/caf%C3%A9", "/a;b=c", "/labs/x", "/lab/open"]
)
def test_other_paths_pass_as_they_are(shop: Attacked, path: str) -> None:
    answer = shop.get("production", path)
    assert answer.status == 200, answer
    assert answer.json()["path"] == (path.removeprefix("/lab") if path.startswith("/lab/") else path)


def asked(shop: Attacked, *options: str, user: str = "nobody") -> str:
    """The status of staging for somebody on the host without the password."""
    words = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "10"]
    return shop.run([*words, "--header", f"Host: {HOST}", *options], user=user).out


@pytest.mark.attack("12", "a peer in the trusted proxies' network says it is 127.0.0.1", "401")
@pytest.mark.parametrize(
    "header", ["X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: ::1", "X-Forwarded-For: 127.0.0.1, 127.0.0.1"]
)
def test_a_proxy_lends_no_address(shop: Attacked, header: str) -> None:
    with shop.address(PEER, "198.51.100.8"):
        got = asked(shop, "--interface", PEER, "--header", header, "http://198.51.100.8:4400/")
    assert got == "401"


@pytest.mark.attack("12", "a tunnel on the host, as cloudflared or ssh -R make it", "401")
def test_a_tunnel_lends_no_address(shop: Attacked) -> None:
    with shop.background("python3", f"{PLACE}/forward.py", "127.0.0.77", "8099", "4400", user="nobody"):
        until(lambda: asked(shop, "http://127.0.0.77:8099/") != "000", 10, "the tunnel")
        assert asked(shop, "http://127.0.0.77:8099/") == "401"
        assert asked(shop, "--header", "X-Forwarded-For: 127.0.0.1", "http://127.0.0.77:8099/") == "401"


@pytest.mark.attack("12", "any user of the host asks for {url}", "401 or 403")
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4400/", "http://[::1]:4400/", "http://127.0.0.1:4400/_onehost/", "http://127.0.0.9:4400/"]
)
def test_a_user_of_the_host_needs_the_password(shop: Attacked, url: str) -> None:
    # Where there is no IPv6 nothing answers, which is as good.
    assert asked(shop, "--globoff", url) in ("401", "403", "000")


@pytest.mark.attack("12", "sockets of the edge and the router, by users of the host", "denied")
def test_sockets_are_not_for_others(shop: Attacked) -> None:
    sockets = shop.root(
        "find /run/onehost /run/haproxy /run/nginx* /var/run/docker.sock /var/lib/onehost -type s 2>/dev/null",
        check=False,
    ).split()
    assert sockets
    connect = "import socket,sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    for user in ("nobody", "alice", "oscar"):
        for path in sockets:
            said = shop.run(["python3", "-c", connect, path], user=user)
            assert said.code != 0 and "PermissionError" in said.err, f"{user} opened {path}"


@pytest.mark.attack("15", "requests with a token in the query, while they fail in several ways", "no log has it")
def test_no_log_has_a_query(shop: Attacked) -> None:
    token = "SECRETQUERY"
    big = {"Content-Length": "99999999"}
    begun = shop.root("date +%s").strip()
    shop.get("production", f"/x?token={token}1", headers=big)
    shop.get("staging", f"/x?token={token}2", password=False, headers={"Authorization": "Basic bm9ib2R5Ong="})
    shop.get("production", f"/_onehost/../x?token={token}3")
    shop.get("production", f"/lab/battle?token={token}4")
    shop.root("systemctl stop haproxy")
    try:
        assert shop.get("production", f"/x?token={token}5").status == 503
    finally:
        shop.root("systemctl start haproxy")
    until(shop.answers, 20, "every app answers")
    container = shop.container()
    shop.root(f"docker pause {container}")
    try:
        shop.raw("production", f"GET /x?token={token}6 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(), seconds=1)
    finally:
        shop.root(f"docker unpause {container}")
    logs = f"grep -rl {token} /var/log/nginx /var/log/haproxy* 2>/dev/null; "
    logs += f"journalctl --since @{begun} --no-pager | grep {token}"
    assert shop.root(logs, check=False) == ""
    assert '"GET /x HTTP/1.1" 503' in shop.read("/var/log/nginx/access.log"), "that it failed is told"


@pytest.mark.attack(
    "16", "an app is away", "HAProxy's log says which request failed, without its query, and no good one"
)
def test_failed_requests_are_in_the_log(shop: Attacked) -> None:
    begun = shop.root("date +%s").strip()
    good, bad = "/good-one", "/bad-one"
    shop.get("production", good)
    container = shop.container()
    shop.root(f"docker stop --time 1 {container}")
    try:
        assert shop.get("production", f"{bad}?token=SECRETQUERY", seconds=60).status == 503
    finally:
        shop.root(f"docker start {container}")
    until(shop.answers, 20, "every app answers")

    def log() -> str:
        return shop.root(f"journalctl -u haproxy --since @{begun} --no-pager", check=False)

    until(lambda: bad in log(), 5, "the failed request is in the journal")
    assert "503" in log() and "SECRETQUERY" not in log() and good not in log()


@pytest.mark.attack("held", "a client's own X-Forwarded-*, Forwarded, Proxy; an app's own X-Release", "replaced")
def test_headers_of_both_sides_are_replaced(shop: Attacked) -> None:
    forged = "203.0.113.99"
    answer = shop.get(
        "production",
        "/x",
        headers={
            **dict.fromkeys(("X-Forwarded-For", "X-Real-IP", "Forwarded", "Proxy", "X-Forwarded-Host"), forged),
            **dict.fromkeys(("X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix"), "forged"),
        },
    )
    seen = "\n".join(answer.json()["headers"])
    assert forged not in seen and "forged" not in seen
    assert answer.release == shop.live("production")
    assert "x-flag-off" not in answer.headers
    assert answer.json()["release"] == answer.release


BODY = b"GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n"
SHAPES = {
    "both lengths": b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
    "a length list": b"Content-Length: 0, %d\r\n\r\n" % len(BODY) + BODY,
    "a signed length": b"Content-Length: +0\r\n\r\n" + BODY,
    "a hex length": b"Content-Length: 0x0\r\n\r\n" + BODY,
    "a folded encoding": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + BODY,
    "an encoding with a tab": b"Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + BODY,
    "a space before the colon": b"Transfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + BODY,
    "two encodings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + BODY,
    "an odd encoding": b"Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + BODY,
    "a chunk that overflows": b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n" + BODY,
    "a bare line feed": b"X: y\nTransfer-Encoding: chunked\n\n0\n\n" + BODY,
    "a bare carriage return": b"X: y\rTransfer-Encoding: chunked\r\n\r\n",
    "a NUL": b"X: a\x00b\r\n\r\n",
    "two hosts": b"Host: depot.example\r\n\r\n",
}


@pytest.mark.attack("held", "request smuggling: {shape}", "refused, or framed right")
@pytest.mark.parametrize("shape", SHAPES)
def test_no_request_is_smuggled(shop: Attacked, shape: str) -> None:
    got = shop.raw("production", b"POST /first HTTP/1.1\r\nHost: shop.example\r\n" + SHAPES[shape], seconds=1)
    answers = got.count(b"HTTP/1.1 ")
    assert answers <= 2, got
    for part in got.split(b"HTTP/1.1 ")[1:]:
        if part.startswith(b"200"):
            told = json.loads(part.partition(b"\r\n\r\n")[2].split(b"HTTP/1.1")[0])
            # A second request of this client's own is its own business; one inside of the first is not.
            assert told["path"] in ("/first", "/smuggled")
    follow = shop.get("production", "/mine")
    assert follow.json()["path"] == "/mine"


@pytest.mark.attack("held", "{method}", "refused")
@pytest.mark.parametrize("method", ["CONNECT", "TRACE"])
def test_methods_that_nobody_needs(shop: Attacked, method: str) -> None:
    target = "127.0.0.1:22" if method == "CONNECT" else "/"
    got = shop.raw("production", f"{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(), seconds=2)
    assert got.split(b" ")[1:2] in ([b"405"], [b"400"], [b"501"]), got


@pytest.mark.attack("held", "the status page from outside: `{path}`", "403 or the app's")
@pytest.mark.parametrize(
    "path",
    [
        "/_onehost/",
        "/_onehost/status.json",
        "//_onehost/",
        "/%5fonehost/",
        "/x/%2e%2e/_onehost/",
        "/_onehost/../../../etc/passwd",
    ],
)
def test_the_status_page_is_for_those_named(shop: Attacked, path: str) -> None:
    answer = shop.get("staging", path)
    assert answer.status in (400, 403, 404), answer
    assert "root:" not in answer.body and "operations" not in answer.body
