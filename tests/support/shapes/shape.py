# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One shape: the bytes of a request, how the app answers, and what is known to differ behind the edge."""

from __future__ import annotations

from dataclasses import dataclass

HOST = "shapes.example"
#: A route of the app whose prefix is removed.
PREFIX = "/strip"


class Until:
    """Among the bytes to send: go on as soon as something came back."""


UNTIL_ANSWERED = Until()
Part = bytes | float | Until


@dataclass(frozen=True)
class Shape:
    """`send` and `answer` are bytes and pauses; `rules` names what differs beside the rules that hold for all."""

    name: str
    send: tuple[Part, ...]
    answer: tuple[bytes | float, ...] = ()
    rules: tuple[str, ...] = ()
    # How many answers there are to these bytes.
    answers: int = 1
    # The app closes the connection after it; it answers before it has the body.
    close: bool = False
    early: bool = False
    # Through the edge by the route with the prefix.
    strip: bool = False
    # Nothing more is sent: the client closes its half of the connection.
    half_close: bool = False
    # Sent on after an upgrade, and after how many seconds.
    tunnel: bytes = b""
    silence: float = 0.0
    # One of those that every run of the tests tries.
    quick: bool = False

    def through_the_edge(self) -> tuple[Part, ...]:
        """The bytes that are sent to the edge."""
        if not self.strip:
            return self.send
        first = self.send[0]
        assert isinstance(first, bytes)
        return first.replace(b" /", f" {PREFIX}/".encode(), 1), *self.send[1:]

    @property
    def method(self) -> bytes:
        first = self.send[0]
        return first.split(b" ")[0] if isinstance(first, bytes) else b""


def request(
    target: str | bytes = "/x",
    *headers: str | bytes,
    method: str = "GET",
    body: bytes = b"",
    version: str = "HTTP/1.1",
    host: str | None = HOST,
) -> bytes:
    """A request as a browser writes it. A text is sent in UTF-8."""

    def raw(text: str | bytes) -> bytes:
        return text if isinstance(text, bytes) else text.encode()

    lines = [b"%s %s %s" % (method.encode(), raw(target), version.encode())]
    lines += [f"Host: {host}".encode()] if host is not None else []
    lines += [raw(header) for header in headers]
    return b"\r\n".join([*lines, b"", b""]) + body


def answer(*headers: str | bytes, status: str = "200 OK", body: bytes = b"ok\n", length: bool = True) -> bytes:
    """An answer with a length, if none of the headers says otherwise."""
    lines = [header if isinstance(header, bytes) else header.encode() for header in headers]
    told = [f"Content-Length: {len(body)}".encode()] if length else []
    return b"\r\n".join([f"HTTP/1.1 {status}".encode(), *lines, *told, b"", b""]) + body


def chunked(*chunks: bytes, trailers: bytes = b"") -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailers + b"\r\n"


def with_length(body: bytes) -> str:
    return f"Content-Length: {len(body)}"
