# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes of bodies, answers and connections."""

from __future__ import annotations

from typing import Any

from support.shapes.requests import padded
from support.shapes.shape import HOST, UNTIL_ANSWERED, Shape, answer, chunked, request, with_length

EVERY_BYTE = bytes(range(256)) * 4
MEGA = 1 << 20
TEXT = b"a line of text that can be made smaller\n" * 100


def post(*headers: str, body: bytes) -> bytes:
    return request("/x", *headers, method="POST", body=body)


def sized(body: bytes) -> bytes:
    return post(with_length(body), body=body)


def in_chunks(*chunks: bytes, trailers: bytes = b"", coding: str = "chunked", headers: tuple[str, ...] = ()) -> bytes:
    return post(f"Transfer-Encoding: {coding}", *headers, body=chunked(*chunks, trailers=trailers))


EXPECT = post("Content-Length: 5", "Expect: 100-continue", body=b"")

BODIES = (
    Shape("JSON", (post("Content-Type: application/json", "Content-Length: 7", body=b'{"a":1}'),), quick=True),
    Shape("every byte", (sized(EVERY_BYTE),), quick=True),
    Shape("1 MB", (sized(b"m" * MEGA),)),
    Shape("9 MB", (sized(b"m" * 9 * MEGA),)),
    Shape("11 MB, more than the app's body_limit", (sized(b"m" * 11 * MEGA),), rules=("body limit",)),
    Shape("in chunks", (in_chunks(b"abc", b"defgh"),), quick=True, rules=("buffered",)),
    Shape("in chunks of one byte", (in_chunks(*[b"x"] * 500),), rules=("buffered",)),
    Shape("no chunks at all", (in_chunks(),), rules=("buffered",)),
    Shape("1 MB in chunks", (in_chunks(*[b"c" * 65536] * 16),), rules=("buffered",)),
    Shape(
        "chunks with an extension",
        (post("Transfer-Encoding: chunked", body=b"3;a=b\r\nabc\r\n0\r\n\r\n"),),
        rules=("buffered",),
    ),
    Shape(
        "chunks and a trailer",
        (in_chunks(b"abc", trailers=b"X-Sum: 1\r\n", headers=("Trailer: X-Sum",)),),
        quick=True,
        rules=(
            "buffered",
            "trailers",
        ),
    ),
    Shape("Transfer-Encoding: Chunked", (in_chunks(b"abc", coding="Chunked"),), rules=("buffered",)),
    Shape("Transfer-Encoding: gzip, chunked", (in_chunks(b"abc", coding="gzip, chunked"),), rules=("framing",)),
    Shape(
        "both lengths",
        (post("Content-Length: 3", "Transfer-Encoding: chunked", body=chunked(b"abc")),),
        rules=("framing",),
    ),
    Shape("two equal lengths", (post("Content-Length: 3", "Content-Length: 3", body=b"abc"),), rules=("framing",)),
    Shape("a length that is no number", (post("Content-Length: three", body=b"abc"),), rules=("framing",)),
    Shape("a broken chunk", (post("Transfer-Encoding: chunked", body=b"zz\r\nabc\r\n0\r\n\r\n"),), rules=("framing",)),
    Shape("a body in pieces", (post("Content-Length: 6", body=b"abc"), 0.2, b"def")),
    Shape("a body that is cut", (post("Content-Length: 6", body=b"abc"),), half_close=True, rules=("cut",)),
    Shape("Expect: 100-continue", (EXPECT, UNTIL_ANSWERED, b"abcde"), quick=True, rules=("hop by hop",)),
    Shape(
        "Expect: 100-continue, and the app says no",
        (EXPECT, UNTIL_ANSWERED, b"abcde"),
        (answer("Connection: close", status="417 Expectation Failed"),),
        close=True,
        early=True,
        rules=(
            "hop by hop",
            "continue",
        ),
    ),
    Shape("Expect: 100-continue, and nobody waits", (EXPECT + b"abcde",), rules=("hop by hop",)),
    Shape("another Expect", (post("Content-Length: 3", "Expect: magic", body=b"abc"),), rules=("hop by hop",)),
    Shape(
        "a form of several parts",
        (
            post(
                "Content-Type: multipart/form-data; boundary=b",
                "Content-Length: 71",
                body=b'--b\r\nContent-Disposition: form-data; name="a"; filename="x"\r\n\r\nb\r\n--b--',
            ),
        ),
    ),
    Shape("Content-Encoding: gzip", (post("Content-Encoding: gzip", "Content-Length: 3", body=b"\x1f\x8b\0"),)),
)


def got(name: str, *headers: str | bytes, status: str = "200 OK", body: bytes = b"ok\n", **more: Any) -> Shape:
    """A usual request with a certain answer."""
    return Shape(name, (request(),), (answer(*headers, status=status, body=body),), **more)


def raw(name: str, *parts: bytes | float, **more: Any) -> Shape:
    """A usual request with an answer, right or wrong."""
    return Shape(name, (request(),), parts, **more)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n"

ANSWERS = (
    raw("204", b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", quick=True),
    raw(
        "304 with an ETag", b'HTTP/1.1 304 Not Modified\r\nETag: "abc"\r\nCache-Control: max-age=60\r\n\r\n', quick=True
    ),
    Shape(
        "206, a range",
        (request("/x", "Range: bytes=1-2"),),
        (answer("Content-Range: bytes 1-2/3", "Accept-Ranges: bytes", status="206 Partial Content", body=b"k\n"),),
    ),
    Shape("200, though a range was asked for", (request("/x", "Range: bytes=1-2"),), (answer("Accept-Ranges: bytes"),)),
    Shape(
        "206, several ranges",
        (request("/x", "Range: bytes=0-0,2-2", 'If-Range: "a"'),),
        (
            answer(
                "Content-Type: multipart/byteranges; boundary=b",
                status="206 Partial Content",
                body=b"--b\r\n\r\no\r\n--b--",
            ),
        ),
    ),
    got("416", "Content-Range: bytes */3", status="416 Range Not Satisfiable"),
    got("302 to a path", "Location: /elsewhere?a=b#c", status="302 Found", quick=True),
    got("301 to an address", f"Location: http://{HOST}/y", status="301 Moved Permanently"),
    got("302 to raw UTF-8", "Location: /카페", status="302 Found"),
    Shape("307 to a POST", (sized(b"abc"),), (answer("Location: /y", status="307 Temporary Redirect", body=b""),)),
    got("401", 'WWW-Authenticate: Basic realm="a"', status="401 Unauthorized"),
    got("404 with a page of the app's own", status="404 Not Found", body=b"my own", quick=True),
    got("413 of the app's own", status="413 Content Too Large", body=b"my own"),
    got("429 with Retry-After", "Retry-After: 5", status="429 Too Many Requests", body=b"my own"),
    got("500", status="500 Internal Server Error", body=b"my own"),
    *(
        got(f"{code} of the app's own", status=f"{code} Mine", body=b"my own", quick=code == 503)
        for code in (502, 503, 504)
    ),
    got("a status that nobody knows", status="299 Odd"),
    got("a reason of one's own", status="200 Fine, thank you"),
    got("no reason", status="200 ", rules=("reason",)),
    raw("to the end of the connection", b"HTTP/1.1 200 OK\r\n\r\nto the end", close=True, quick=True, rules=("end",)),
    raw("an answer of HTTP/1.0", b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", close=True, rules=("HTTP/1.0",)),
    raw("an answer in chunks", CHUNKED + b"\r\n" + chunked(b"abc", b"def"), quick=True),
    raw(
        "in chunks with a trailer",
        CHUNKED + b"Trailer: X-Sum\r\n\r\n" + chunked(b"abc", trailers=b"X-Sum: 1\r\n"),
        quick=True,
        rules=("trailers",),
    ),
    raw("chunks, slowly", CHUNKED + b"\r\n" + b"3\r\nabc\r\n", 0.5, b"3\r\ndef\r\n0\r\n\r\n"),
    raw("cut in the middle", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", close=True),
    raw("chunks, cut in the middle", CHUNKED + b"\r\n9\r\ncut", close=True),
    raw(
        "more than its length",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\nand more",
        close=True,
        rules=("broken answer",),
    ),
    raw("no answer at all", 0.01, close=True, rules=("broken answer",)),
    raw("no HTTP", b"hello\r\n\r\n", close=True, rules=("broken answer",)),
    got("5 MB", body=b"b" * 5 * MEGA),
    got("an answer with every byte", body=EVERY_BYTE),
    got("a head of 16 kB", *(padded(4000, f"X-{name}") for name in "ABCD"), quick=True),
    got("a head of 31 kB", *(padded(7700, f"X-{name}") for name in "ABCD"), quick=True),
    got("a head of 45 kB", *(padded(9000, f"X-{name}") for name in "ABCDE"), quick=True, rules=("broken answer",)),
    got(
        "60 cookies",
        *(f"Set-Cookie: c{number}={number}; Path=/; HttpOnly; SameSite=Lax" for number in range(60)),
        quick=True,
    ),
    got("300 headers", *(f"X-{number}: {number}" for number in range(300)), quick=True),
    got("a header in UTF-8", "Content-Disposition: attachment; filename=한글.txt", quick=True),
    got("a header with an underscore", "x_y: 1"),
    got("an empty header", "X-Empty:"),
    got("the same header twice", "Link: </a>", "Vary: Accept", "Link: </b>", "Vary: Cookie"),
    got("Server, Date and X-Powered-By", "Server: mine", "Date: Mon, 01 Jan 2024 00:00:00 GMT", "X-Powered-By: me"),
    got("Cache-Control, Expires and Age", "Cache-Control: public", "Expires: Thu, 01 Jan 2032 00:00:00 GMT", "Age: 5"),
    got("an answer with Connection: close", "Connection: close"),
    got("Keep-Alive", "Keep-Alive: timeout=5", "Connection: keep-alive"),
    got("X-Accel-Buffering: no", "X-Accel-Buffering: no", rules=("X-Accel",)),
    got("X-Accel-Redirect", "X-Accel-Redirect: /elsewhere", rules=("X-Accel",)),
    got(
        "Strict-Transport-Security and CSP",
        "Strict-Transport-Security: max-age=1",
        "Content-Security-Policy: default-src 'self'",
    ),
    got("X-Release of the app's own", "X-Release: forged"),
    Shape(
        "text, to whom gzip is welcome",
        (request("/x", "Accept-Encoding: gzip, br"),),
        (answer("Content-Type: text/plain", 'ETag: "abc"', body=TEXT),),
        quick=True,
        rules=("gzip",),
    ),
    Shape(
        "text in br already",
        (request("/x", "Accept-Encoding: gzip, br"),),
        (answer("Content-Type: text/plain", "Content-Encoding: br", body=TEXT),),
    ),
    Shape(
        "text, to whom gzip is not welcome",
        (request("/x", "Accept-Encoding: identity"),),
        (answer("Content-Type: text/plain", body=TEXT),),
        rules=("gzip",),
    ),
    raw("events, one by one", EVENTS + b"data: 1\n\n", 0.5, b"data: 2\n\n", close=True, quick=True, rules=("end",)),
    raw(
        "103 before the answer",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n",
        answer(),
        quick=True,
        rules=("interim",),
    ),
    raw("102 before the answer", b"HTTP/1.1 102 Processing\r\n\r\n", answer(), rules=("interim",)),
    raw("100 before the answer, unasked", b"HTTP/1.1 100 Continue\r\n\r\n", answer(), rules=("interim",)),
    Shape(
        "an answer before the body has come",
        (sized(b"e" * MEGA),),
        (answer("Connection: close", status="403 Forbidden"),),
        early=True,
        close=True,
        rules=("early",),
    ),
    Shape("HEAD, answered in chunks", (request(method="HEAD"),), (CHUNKED + b"\r\n",), rules=("end",)),
)

UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
ACCEPTED = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
TWO = request("/1") + request("/2")

CONNECTIONS = (
    Shape("two requests, one after the other", (request("/1"), UNTIL_ANSWERED, request("/2")), answers=2, quick=True),
    Shape("two requests at once", (TWO,), answers=2),
    Shape(
        "400 requests at once",
        (b"".join(request(f"/{number}", padded(150)) for number in range(400)),),
        answers=400,
        quick=True,
    ),
    Shape("a POST and a GET at once", (sized(b"abc") + request("/2"),), answers=2, quick=True),
    Shape("five requests at once", (b"".join(request(f"/{number}") for number in range(5)),), answers=5),
    Shape("a request byte by byte", tuple(bytes([byte]) for byte in request())),
    Shape("a head in two pieces", (request()[:20], 0.2, request()[20:])),
    Shape("HTTP/1.0", (request(version="HTTP/1.0"),), rules=("HTTP/1.0",)),
    Shape("HTTP/1.0 without a Host", (request(version="HTTP/1.0", host=None),), rules=("host",)),
    Shape(
        "HTTP/1.0 with keep-alive", (request("/x", "Connection: keep-alive", version="HTTP/1.0"),), rules=("HTTP/1.0",)
    ),
    Shape(
        "HTTP/1.0, answered in chunks",
        (request(version="HTTP/1.0"),),
        (CHUNKED + b"\r\n" + chunked(b"abc"),),
        rules=("HTTP/1.0",),
    ),
    Shape("HTTP/2 to the port of HTTP/1", (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",), half_close=True, rules=("version",)),
    Shape("HTTP/3.7", (request(version="HTTP/3.7"),), rules=("version",)),
    Shape("an empty line before the request", (b"\r\n" + request(),), rules=("lenient",)),
    # An app that waits for CRLF must see an end; the edge has answered by then, and drops no client that is gone.
    Shape("lines that end with LF", (request().replace(b"\r\n", b"\n"), 0.5), half_close=True, rules=("lenient",)),
    Shape("the client closes its half", (request(),), half_close=True, rules=("cut",)),
    Shape("a WebSocket", (request("/x", *UPGRADE),), (ACCEPTED,), tunnel=b"hello", quick=True, rules=("upgrade",)),
    Shape(
        "a WebSocket behind a removed prefix",
        (request("/chat?é", *UPGRADE),),
        (ACCEPTED,),
        tunnel=b"hello",
        strip=True,
        quick=True,
        rules=("upgrade",),
    ),
    Shape(
        "a WebSocket with a protocol",
        (request("/x", *UPGRADE, "Sec-WebSocket-Protocol: a, b"),),
        (ACCEPTED.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: b\r\n\r\n"),),
        tunnel=b"\0\xff" * 100,
        rules=("upgrade",),
    ),
    # Longer than the app may take for any answer, see the stack's `timeout_seconds`.
    Shape(
        "a WebSocket that is silent for 20 seconds",
        (request("/x", *UPGRADE),),
        (ACCEPTED,),
        tunnel=b"hello",
        silence=20,
        rules=("upgrade",),
    ),
    Shape(
        "a WebSocket that the app refuses",
        (request("/x", *UPGRADE),),
        (answer(status="403 Forbidden"),),
        quick=True,
        rules=("upgrade",),
    ),
    Shape("a WebSocket to an app that knows none", (request("/x", *UPGRADE),), rules=("upgrade",)),
    Shape("101 that nobody asked for", (request(),), (ACCEPTED,), rules=("broken answer",)),
)
