# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that misbehaves in each way that an endpoint may, chosen by the path that is asked for."""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator

OK = b"HTTP/1.1 200 OK\r\n"
JSON = b"Content-Type: application/json\r\n"
PIECE = b"x" * 65536


def whole(body: bytes, headers: bytes = b"", status: bytes = OK) -> bytes:
    """An answer as it should be."""
    return status + headers + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


class Broken(socketserver.ThreadingTCPServer):
    """Its `over` ends what would go on for ever."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 300

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.over = threading.Event()
        self.context: ssl.SSLContext | None = None
        #: Everything that was asked: the first lines and headers.
        self.heard: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that have heard enough go away."""


class _Handler(socketserver.StreamRequestHandler):
    server: Broken

    def setup(self) -> None:
        if self.server.context is not None:
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        first = self.rfile.readline().decode("latin-1")
        self.headers = headers = dict[str, str]()
        while line := self.rfile.readline().decode("latin-1").strip():
            name, _colon, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        self.server.heard.append(first.strip() + " " + json.dumps(headers))
        body = self.rfile.read(int(headers.get("content-length", "0")))
        method, path = [*first.split(" "), "", ""][:2]
        name = path.partition("?")[0].strip("/")
        if name in WAYS:
            WAYS[name](self)
        elif name in ASKED:
            self.wfile.write(ASKED[name](method, headers, body))
        else:
            self.wfile.write(whole(b"nothing here", status=b"HTTP/1.1 404 Not Found\r\n"))

    def slow_body(self) -> None:
        self.wfile.write(OK + b"Content-Length: 100000\r\n\r\n")
        self.drip(b"x")

    def silent_websocket(self) -> None:
        self.websocket()
        self.hang()

    def drip(self, data: bytes) -> None:
        """A byte at a time, for ever."""
        while not self.server.over.wait(0.02):
            self.wfile.write(data)
            self.wfile.flush()

    def hang(self) -> None:
        self.server.over.wait()

    def flood(self, head: bytes) -> None:
        """As much as the client takes: a gigabyte, and more."""
        self.wfile.write(head)
        while not self.server.over.is_set():
            self.wfile.write(PIECE)

    def websocket(self, *frames: bytes, echo: bool = False, right: bool = True) -> None:
        key = self.headers.get("sec-websocket-key", "")
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        accept = base64.b64encode(digest if right else digest[::-1])
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + b"".join(frames)
        )
        if echo:
            _kind, size = self.rfile.read(2)
            mask = self.rfile.read(4)
            data = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.rfile.read(size & 0x7F)))
            self.wfile.write(text_frame(data))
            self.wfile.flush()
            self.hang()


def text_frame(data: bytes, first: int = 0x81) -> bytes:
    return struct.pack("!BB", first, len(data)) + data


def _gzipped(data: bytes) -> bytes:
    return whole(gzip.compress(data), JSON + b"Content-Encoding: gzip\r\n")


def _preflight(origin: str, *, credentials: bool = False) -> bytes:
    more = b"Access-Control-Allow-Credentials: true\r\n" if credentials else b""
    lines = f"Access-Control-Allow-Origin: {origin}\r\n".encode() + more
    return whole(b"{}", lines + b"Access-Control-Allow-Methods: GET, PUT\r\nAccess-Control-Allow-Headers: x-a\r\n")


#: Answers that are written at once, from the method, the headers and the body that came.
ASKED: dict[str, Callable[[str, dict[str, str], bytes], bytes]] = {
    "good": lambda _m, _h, _b: whole(b'{"status": "ok", "n": 3}', JSON),
    "echo": lambda m, h, b: whole(json.dumps({"method": m, "headers": h, "body": b.decode()}).encode(), JSON),
    "secret": lambda _m, _h, _b: whole(b"", status=b"HTTP/1.1 401 Unauthorized\r\n"),
    "empty": lambda _m, _h, _b: whole(b""),
    "no-json": lambda _m, _h, _b: whole(b'{"status": ', JSON),
    "deep-json": lambda _m, _h, _b: whole(b"[" * 100_000, JSON),
    "long-number": lambda _m, _h, _b: whole(b"1" * 100_000, JSON),
    "bad-utf8": lambda _m, _h, _b: whole(b'{"status": "\xff\xfe"}', JSON),
    "terminal": lambda _m, _h, _b: whole(b"\x1b]0;mine\x07\x1b[2Jgone\r\nFix: rm -r", JSON),
    "gzip": lambda _m, _h, _b: _gzipped(b'{"status": "ok"}'),
    "gzip-bomb": lambda _m, _h, _b: _gzipped(b" " * 50_000_000),
    "gzip-cut": lambda _m, _h, _b: whole(gzip.compress(b'{"status": "ok"}')[:-9], b"Content-Encoding: gzip\r\n"),
    "no-gzip": lambda _m, _h, _b: whole(b"plain", b"Content-Encoding: gzip\r\n"),
    "brotli": lambda _m, _h, _b: whole(b"\x0b\x02", b"Content-Encoding: br\r\n"),
    "chunked": lambda _m, _h, _b: OK + b'Transfer-Encoding: chunked\r\n\r\n8\r\n{"status\r\n8\r\n": "ok"}\r\n0\r\n\r\n',
    "bad-chunks": lambda _m, _h, _b: OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "cut-chunks": lambda _m, _h, _b: OK + b'Transfer-Encoding: chunked\r\n\r\n8\r\n{"st',
    "half": lambda _m, _h, _b: OK + JSON + b'Content-Length: 900\r\n\r\n{"status": "ok"}',
    "nonsense": lambda _m, _h, _b: b"nonsense\r\n\r\n",
    "nothing": lambda _m, _h, _b: b"",
    "many-headers": lambda _m, _h, _b: OK + b"X-A: b\r\n" * 500 + b"\r\n",
    "long-header": lambda _m, _h, _b: OK + b"X-A: " + b"a" * 100_000 + b"\r\n\r\n",
    "odd-status": lambda _m, _h, _b: b"HTTP/1.1 999999 Odd\r\n\r\n",
    "loop": lambda _m, h, _b: whole(
        b"", f"Location: http://{h.get('host')}/loop\r\n".encode(), b"HTTP/1.1 302 Found\r\n"
    ),
    "moved": lambda _m, _h, _b: whole(
        b"", b"Location: https://api.shop.example/moved?a=1\r\n", b"HTTP/1.1 308 Permanent Redirect\r\n"
    ),
    "moved-nowhere": lambda _m, _h, _b: whole(b"", b"Location: http://[nowhere\r\n", b"HTTP/1.1 301 Moved\r\n"),
    "cors-reflects": lambda _m, h, _b: _preflight(h.get("origin", ""), credentials=True),
    "cors-star": lambda _m, _h, _b: _preflight("*"),
    "cors-star-credentials": lambda _m, _h, _b: _preflight("*", credentials=True),
    "cors-good": lambda _m, h, _b: (
        _preflight("https://www.shop.example", credentials=True)
        if h.get("origin") == "https://www.shop.example"
        else whole(b"{}")
    ),
    "cors-prefix": lambda _m, h, _b: (
        _preflight(h["origin"], credentials=True)
        if h.get("origin", "").startswith("https://www.shop.example")
        else whole(b"{}")
    ),
    "cors-none": lambda _m, _h, _b: whole(b"{}"),
}

#: Answers that take their time, or never end.
WAYS: dict[str, Callable[[_Handler], None]] = {
    "hang": _Handler.hang,
    "slow-headers": lambda handler: handler.drip(b"H"),
    "slow-continue": lambda handler: handler.drip(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "slow-body": _Handler.slow_body,
    "huge": lambda handler: handler.flood(OK + b"Content-Length: 1073741824\r\n\r\n"),
    "endless": lambda handler: handler.flood(OK + b"\r\n"),
    "endless-header": lambda handler: handler.flood(OK + b"X-A: "),
    "socket": lambda handler: handler.websocket(echo=True),
    "socket-greets": lambda handler: handler.websocket(
        text_frame(b"hello"), text_frame(b"", 0x89), text_frame(b"wor", 0x01), text_frame(b"ld", 0x80), echo=True
    ),
    "socket-wrong-key": lambda handler: handler.websocket(right=False),
    "socket-closes": lambda handler: handler.websocket(text_frame(b"\x03\xe8", 0x88)),
    "socket-ends": lambda handler: handler.websocket(b"\x81\x7e"),
    "socket-huge": lambda handler: handler.websocket(b"\x81\x7f" + b"\x7f" * 8),
    "socket-nonsense": lambda handler: handler.websocket(b"\xff\xff\xff\xff"),
    "socket-silent": _Handler.silent_websocket,
}


@contextlib.contextmanager
def running(context: ssl.SSLContext | None = None) -> Iterator[Broken]:
    """The server, on a port of its own."""
    with Broken() as server:
        server.context = context
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join(10)
