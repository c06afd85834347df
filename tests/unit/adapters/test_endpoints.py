# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking endpoints, against a server that misbehaves in each way: bounded, and never an exception."""

from __future__ import annotations

import dataclasses
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.certificates import Authority, authority
from support import broken_server
from support.broken_server import ASKED, WAYS, Broken

from release.adapters.endpoints import certificates
from release.adapters.endpoints.asker import Asker
from release.planning.endpoints.judge import judge, judge_websocket
from release.releases.endpoints import BODY_LIMIT, Asked, Came
from release.stack.endpoints.model import Expect, Rule, WebSocket

QUICK = 0.4


@pytest.fixture(scope="module")
def server() -> Iterator[Broken]:
    with broken_server.running() as found:
        yield found


def ask(port: int, path: str, seconds: float = QUICK, **more: Any) -> Came:
    asked = Asked("GET", "http", "shop.example", port, path, seconds=seconds, site="shop-staging", needs_body=True)
    return Asker("/nowhere").ask(dataclasses.replace(asked, **more))


@pytest.mark.parametrize("name", [*ASKED, *WAYS, "absent"])
@pytest.mark.parametrize("is_websocket", [False, True])
def test_every_way_gets_a_verdict_in_time(server: Broken, name: str, is_websocket: bool) -> None:
    begun = time.monotonic()
    came = ask(server.port, f"/{name}", is_websocket=is_websocket, message="hi" if is_websocket else "")
    assert time.monotonic() - begun < QUICK + 1.5
    asked = Asked("GET", "http", "shop.example", server.port, f"/{name}")
    expect = Expect(json={"status": Rule(equals=("ok",))})
    misses = (
        judge_websocket(WebSocket("/", "hi", Rule(equals=("hi",))), came, "here")
        if is_websocket
        else judge(expect, asked, came, "here", 0.0)
    )
    good = {"socket"} if is_websocket else {"good", "gzip", "chunked"}
    assert (not misses) == (name in good), misses


@pytest.mark.parametrize(
    ("name", "trouble"),
    [
        ("half", "half an answer: 884 bytes of the body did not come"),
        ("gzip-cut", "ends early"),
        ("no-gzip", "cannot be unpacked"),
        ("brotli", "the encoding br, which was not asked for"),
        ("bad-chunks", "half an answer"),
        ("cut-chunks", "half an answer"),
        ("slow-body", "half an answer"),
    ],
)
def test_what_is_wrong_with_a_body_is_said(server: Broken, name: str, trouble: str) -> None:
    came = ask(server.port, f"/{name}")
    assert came.status == 200 and trouble in came.trouble


@pytest.mark.parametrize(
    ("name", "silence"),
    [
        ("hang", "slow"),
        ("slow-headers", "slow"),
        ("slow-continue", "slow"),
        ("nothing", "closed"),
        ("nonsense", "broken"),
        ("many-headers", "broken"),
        ("long-header", "broken"),
        ("endless-header", "broken"),
    ],
)
def test_why_there_is_no_answer(server: Broken, name: str, silence: str) -> None:
    assert ask(server.port, f"/{name}").silence == silence


@pytest.mark.parametrize("name", ["huge", "endless", "gzip-bomb"])
def test_a_body_without_end_is_cut(server: Broken, name: str) -> None:
    came = ask(server.port, f"/{name}", 5)
    assert came.is_cut and len(came.body) == BODY_LIMIT
    assert not ask(server.port, f"/{name}", 5, needs_body=False).body, "nobody wants it"


def test_nobody_there() -> None:
    assert ask(1, "/").silence == "refused"
    assert ask(80, "/", site="").silence == "unknown", "the real address of a name that nobody has"


def test_a_request_has_what_a_visitor_sends(server: Broken) -> None:
    came = ask(server.port, "/echo?a=1", headers=(("Authorization", "Bearer t"),), body=b"{}")
    assert f'"host": "shop.example:{server.port}"' in came.body.decode()
    assert '"authorization": "Bearer t"' in came.body.decode() and '"body": "{}"' in came.body.decode()


def test_a_websocket_that_greets_first(server: Broken) -> None:
    came = ask(server.port, "/socket-greets", is_websocket=True, message="hi", skip=2)
    assert (came.is_open, came.said) == (True, "hi"), came
    came = ask(server.port, "/socket-greets", is_websocket=True, message="hi", skip=1)
    assert came.said == "world", "a message in two parts"
    assert "65536" in str(ask(server.port, "/socket-huge", is_websocket=True, message="hi").trouble)


def test_many_at_once_are_quick(server: Broken) -> None:
    begun = time.monotonic()
    found: list[Came] = []
    threads = [threading.Thread(target=lambda: found.append(ask(server.port, "/good", 5))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(came.status == 200 for came in found) and time.monotonic() - begun < 3


def test_a_pattern_that_never_ends() -> None:
    begun = time.monotonic()
    assert Asker().search(r"(x|xx)*(x|xx)*(x|xx)*y", "x" * 5000) is None
    assert time.monotonic() - begun < 5
    assert Asker().search("b.d", "abcd") is True and Asker().search("^b", "abcd") is False


def context(folder: Path, mine: Authority, hosts: list[str], ends: float = 30) -> ssl.SSLContext:
    made = mine.make(hosts, begins=ends - 40, ends=ends)
    (folder / "pair.pem").write_bytes(made.certificate + made.key)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(folder / "pair.pem")
    return found


@pytest.mark.parametrize(
    ("hosts", "ends", "wanted", "trouble"),
    [
        (["shop.example"], 30, "shop.example", ""),
        (["*.example"], 30, "shop.example", ""),
        (["*.shop.example"], 30, "shop.example", "is for other names: *.shop.example"),
        (["other.example"], 30, "shop.example", "is for other names: other.example"),
        (["shop.example"], -1, "shop.example", "has expired"),
    ],
)
def test_a_certificate(tmp_path: Path, hosts: list[str], ends: float, wanted: str, trouble: str) -> None:
    with broken_server.running(context(tmp_path, authority(), hosts, ends)) as server:
        asked = Asked("GET", "https", "shop.example", server.port, "/good", site="shop-staging", certified=wanted)
        came = Asker("/nowhere").ask(asked)
        assert came.status == 200, "a certificate that is wrong is judged, and is no obstacle"
        assert came.certificate is not None and came.certificate.trouble == trouble
        if not trouble:
            assert 29 < (came.certificate.until - time.time()) / 86400 < 31
        real = certificates.examine(
            ("127.0.0.1", server.port), "shop.example", "shop.example", time.monotonic() + 5, must_be_trusted=True
        )
        assert real.trouble, "a real address must show one that everybody trusts"


def test_no_tls_where_tls_is_wanted(server: Broken) -> None:
    asked = Asked(
        "GET", "https", "shop.example", server.port, "/good", site="s", certified="shop.example", seconds=QUICK
    )
    assert Asker("/nowhere").ask(asked).silence in ("broken", "slow")


def test_the_way_in_where_visitors_need_a_password(tmp_path: Path, server: Broken) -> None:
    """Without a socket of the edge's, what a visitor gets says more."""
    came = Asker(str(tmp_path)).ask(Asked("GET", "http", "shop.example", server.port, "/secret", site="s"))
    assert came.status == 401
