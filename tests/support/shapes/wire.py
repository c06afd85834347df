# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of HTTP as bytes: read leniently, and sent as they are."""

from __future__ import annotations

import base64
import json
import re
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from support.shapes.shape import Part, Shape, Until

Address = tuple[str, int]
#: How long an answer may take, and how long to look whether more comes than that.
SECONDS = 12.0
MORE_SECONDS = 0.02
#: The line before a chunk.
CHUNK = re.compile(rb"[0-9a-fA-F]+(;.*)?")


@dataclass(frozen=True)
class Message:
    """A request or an answer. `framing` says how its end is known: none, length, chunked or close."""

    start: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes = b""
    framing: str = "none"
    trailers: bytes = b""

    def first(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key.lower() == name), b"")

    @property
    def interim(self) -> bool:
        """Whether another answer follows."""
        return self.start.startswith(b"HTTP/") and self.status.startswith(b"1") and self.status != b"101"

    @property
    def status(self) -> bytes:
        return self.start.split(b" ")[1] if self.start.count(b" ") else b""


@dataclass(frozen=True)
class Seen:
    """What came of a shape: the requests as the app got them, what came back, and after how long its first bytes."""

    requests: tuple[bytes, ...]
    got: bytes
    first_seconds: float


def take_message(data: bytes, method: bytes = b"", *, ended: bool = False) -> tuple[Message, bytes] | None:
    """The first message and the bytes after it; None if it is not whole. `ended` says that no more comes."""
    head, there, rest = data.partition(b"\r\n\r\n")
    if not there:
        return (Message(data, ()), b"") if ended and data else None
    start, *lines = head.split(b"\r\n")
    headers = tuple((name, value.strip(b" ")) for name, _, value in (line.partition(b":") for line in lines))
    bare = Message(start, headers)
    is_answer = start.startswith(b"HTTP/")
    if is_answer and (method == b"HEAD" or bare.status in (b"204", b"304") or bare.status.startswith(b"1")):
        return bare, rest
    if bare.first(b"transfer-encoding").lower() == b"chunked":
        return _take_chunks(bare, rest, ended=ended)
    if (length := bare.first(b"content-length")).isdigit():
        whole = len(rest) >= int(length) or ended
        return (replace(bare, body=rest[: int(length)], framing="length"), rest[int(length) :]) if whole else None
    if is_answer:
        return (replace(bare, body=rest, framing="close"), b"") if ended else None
    return bare, rest


def _take_chunks(bare: Message, rest: bytes, *, ended: bool) -> tuple[Message, bytes] | None:
    body = b""
    while True:
        line, there, after = rest.partition(b"\r\n")
        size = int(line.split(b";")[0], 16) if there and CHUNK.fullmatch(line) else -1
        if size < 0 or len(after) < size + 2:
            return (
                (Message(bare.start, bare.headers, body + (after if size > 0 else b""), "cut"), b"") if ended else None
            )
        if not size:
            trailers, there, left = (b"\r\n" + after).partition(b"\r\n\r\n")
            whole = replace(bare, body=body, framing="chunked", trailers=trailers.strip())
            return (whole, left) if there else None
        body, rest = body + after[:size], after[size + 2 :]


def answers(data: bytes, method: bytes, *, ended: bool) -> tuple[list[Message], bytes]:
    """All answers that are whole, interim ones too, and what is left."""
    found = []
    while taken := take_message(data, method, ended=ended):
        message, data = taken
        found.append(message)
    return found, data


def _final(messages: Sequence[Message]) -> int:
    return sum(not message.interim for message in messages)


class Exchange:
    """One connection, through which a shape is sent."""

    def __init__(self, shape: Shape, address: Address) -> None:
        self.shape = shape
        self.got = b""
        self.ended = False
        self.first = 0.0
        self.connection = socket.create_connection(address, timeout=SECONDS)

    def _receive(self, seconds: float) -> bool:
        self.connection.settimeout(seconds)
        try:
            part = self.connection.recv(1 << 20)
        except TimeoutError:
            return False
        except OSError:
            part = b""
        self.ended = not part
        self.first = self.first or time.monotonic()
        self.got += part
        return bool(part)

    def _send(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if isinstance(part, bytes):
                self.connection.settimeout(SECONDS)
                # Whoever has answered already need not listen any more.
                with suppress(OSError):
                    self.connection.sendall(part)
            elif isinstance(part, Until):
                self._receive(SECONDS)
            else:
                # The pause is part of what is sent.
                time.sleep(part)

    def run(self, parts: Sequence[Part]) -> bytes:
        with self.connection:
            self._send(parts)
            if self.shape.half_close:
                self.connection.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + SECONDS
            while not self.ended and time.monotonic() < deadline:
                found, _ = answers(self.got, self.shape.method, ended=False)
                if _final(found) >= self.shape.answers:
                    break
                self._receive(max(0.01, deadline - time.monotonic()))
            if self.shape.tunnel and b" 101 " in self.got[:16]:
                self._send([self.shape.silence, self.shape.tunnel])
                self._receive(SECONDS)
            while not self.ended and self._receive(MORE_SECONDS):
                pass
        return self.got

    def silence(self) -> tuple[bytes, bool]:
        """Send the shape and nothing more. Returns what comes back, and whether the connection is closed then."""
        with self.connection:
            self._send(self.shape.send)
            while not self.ended and self._receive(SECONDS):
                pass
        return self.got, self.ended


def control(slot: Address, method: str, body: bytes = b"") -> bytes:
    """Ask the app itself."""
    text = f"{method} /.shape HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    got = b""
    with socket.create_connection(slot, timeout=SECONDS) as connection:
        connection.sendall(text + body)
        while part := connection.recv(1 << 20):
            got += part
    assert got.startswith(b"HTTP/1.1 200"), got
    return got.partition(b"\r\n\r\n")[2]


def tell(shape: Shape, slot: Address) -> None:
    """Have the app answer as the shape says."""
    told = [part.decode("latin-1") if isinstance(part, bytes) else part for part in shape.answer]
    control(slot, "PUT", json.dumps({"answer": told, "close": shape.close, "early": shape.early}).encode())


def observe(shape: Shape, slot: Address, edge: Address | None = None) -> Seen:
    """Send a shape, to the app's slot or else to the edge, and ask the app what it saw of it."""
    tell(shape, slot)
    begin = time.monotonic()
    exchange = Exchange(shape, edge or slot)
    got = exchange.run(shape.through_the_edge() if edge else shape.send)
    noted = tuple(base64.b64decode(part) for part in json.loads(control(slot, "GET")))
    return Seen(noted, got, (exchange.first or time.monotonic()) - begin)
