# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to apps and to the edge, against real servers."""

from __future__ import annotations

import http.server
import socketserver
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.certificates import Authority, Made, authority

from release.adapters.http_probe import Probe
from release.releases.runtime import ProbeTarget


def target(port: int, path: str = "/", *, tls: bool = False) -> ProbeTarget:
    return ProbeTarget(port, "shop.example", path, tls, "shop-staging")


# Probe


class Web(http.server.BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        if self.path == "/cut":
            self.wfile.write(b"nonsense\r\n\r\n")
            return
        if self.path == "/slow":
            threading.Event().wait(0.5)
            return
        if self.path.startswith("/edge"):
            self.send_response(int(self.path[-3:]))
            self.end_headers()
            return
        self.send_response({"/sick": 503, "/app-401": 401}.get(self.path, 200))
        self.send_header("X-Release", f"of {self.headers['Host']}")
        self.end_headers()
        self.wfile.write(
            b"two\n  words " + b"x" * 250 + b' {"key":"half-of-a-secret-that-is-longer-than-what-is-read"}'
        )

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_probe(port: int) -> None:
    answer = Probe().edge(target(port))
    assert (answer.status, answer.release) == (200, "of shop.example")
    assert answer.body == f'two words {"x" * 250} {{"key":"…', "no part of a word, which may be a secret"
    sick = Probe().health(port, "/sick")
    assert (sick.status, sick.release) == (503, "of localhost") and str(sick).startswith("HTTP 503 two words")


@pytest.mark.parametrize("path", ["/cut", "/slow"])
def test_probe_without_an_answer(port: int, path: str) -> None:
    answer = Probe(0.2).health(port, path)
    assert answer.status == 0 and str(answer).startswith(f"no answer on port {port}: ")


def test_probe_where_nothing_listens() -> None:
    assert "refused" in Probe().health(1, "/").error


# Where the edge turns visitors away


class Inside(socketserver.StreamRequestHandler):
    """The edge behind the socket that it has for the engine."""

    def handle(self) -> None:
        asked = self.rfile.readline()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Release: inside\r\nConnection: close\r\n\r\n" + asked)


@pytest.fixture
def inside(port: int, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / f"shop-staging-{port}.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), Inside) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield tmp_path
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/edge-401", "/edge-308"])
def test_the_engine_needs_no_password_and_no_https(port: int, inside: Path, path: str) -> None:
    answer = Probe(sockets=str(inside)).edge(target(port, path))
    assert (answer.status, answer.release, answer.body) == (200, "inside", f"GET {path} HTTP/1.1")


@pytest.mark.parametrize(("path", "status"), [("/app-401", 401), ("/edge-403", 403), ("/sick", 503)])
def test_any_other_answer_is_what_visitors_get(port: int, inside: Path, path: str, status: int) -> None:
    answer = Probe(sockets=str(inside)).edge(target(port, path))
    assert answer.status == status and answer.release != "inside"


def test_a_closed_port_is_not_hidden_by_the_socket(inside: Path) -> None:
    (inside / "shop-staging-1.sock").symlink_to(next(inside.glob("*.sock")))
    assert "refused" in Probe(sockets=str(inside)).edge(target(1)).error


class Closed(socketserver.StreamRequestHandler):
    """The edge's port, behind which the router says that this app is closed."""

    def handle(self) -> None:
        app = "no/app" if b" /odd " in self.rfile.readline() else "front"
        said = f"HTTP/1.1 503 Closed\r\nX-Release: r1\r\nX-Maintenance: {app}\r\nContent-Length: 0\r\n\r\n"
        self.wfile.write(said.encode())


class Router(socketserver.StreamRequestHandler):
    """The router's socket of an app: says what it was asked."""

    def handle(self) -> None:
        lines = iter(self.rfile.readline, b"\r\n")
        body = b"; ".join(line.strip() for line in lines)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Release: r1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[int]:
    """A port whose app is in maintenance."""
    with (
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Closed) as edge,
        socketserver.ThreadingUnixStreamServer(str(tmp_path / "shop-staging-front.sock"), Router) as router,
    ):
        threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            for server in (edge, router)
        ]
        for thread in threads:
            thread.start()
        yield int(edge.server_address[1])
        for server in (edge, router):
            server.shutdown()
        for thread in threads:
            thread.join()


def test_what_is_closed_for_visitors_is_asked_behind_the_edge(closed: int, tmp_path: Path) -> None:
    asked = ProbeTarget(closed, "shop.example", "/front/health", False, "shop-staging", "/front")
    answer = Probe(router=str(tmp_path)).edge(asked)
    assert (answer.status, answer.release) == (200, "r1")
    said = answer.body.split("; ")
    assert said[0] == "GET /health HTTP/1.1" and "Host: shop.example" in said
    assert "X-Forwarded-Prefix: /front" in said and "X-Forwarded-Proto: http" in said
    assert not [line for line in said if line.lower().startswith("x-real-ip")], "whom the router takes for a visitor"


def test_a_router_that_does_not_answer_is_not_passed_over(closed: int, tmp_path: Path) -> None:
    answer = Probe(router=str(tmp_path / "nowhere")).edge(target(closed))
    assert (answer.status, answer.maintenance) == (503, "front")


def test_only_an_app_is_asked(closed: int, tmp_path: Path) -> None:
    assert Probe(router=str(tmp_path)).edge(target(closed, "/odd")).status == 503


def test_routes_from_before_the_sockets(port: int, tmp_path: Path) -> None:
    assert Probe(sockets=str(tmp_path)).edge(target(port, "/edge-401")).status == 401


@pytest.fixture(scope="module")
def signer() -> Authority:
    return authority()


# Certificates


def write(folder: Path, made: Made) -> None:
    (folder / "a.pem").write_bytes(made.certificate)
    (folder / "a.key").write_bytes(made.key)
    (folder / "a.key").chmod(0o600)


# Asking by TLS


class TlsWeb(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("X-Release", f"of {self.headers['Host']}")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def tls_port(signer: Authority, tmp_path: Path) -> Iterator[int]:
    """A site whose certificate ran out: a release is confirmed nevertheless."""
    write(tmp_path, signer.make(["other.example"], begins=-9, ends=-1))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "a.pem", tmp_path / "a.key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), TlsWeb) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_probe_by_tls(tls_port: int) -> None:
    answer = Probe().edge(target(tls_port, tls=True))
    assert (answer.status, answer.release) == (200, "of shop.example")
    assert Probe().edge(target(tls_port)).status == 0
