# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's side of a WebSocket, as far as it takes to hear an answer (RFC 6455)."""

from __future__ import annotations

import base64
import hashlib
import os
import struct

from .wire import Wire

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#: Of one message, in bytes.
LONGEST_MESSAGE = 64 * 1024
#: Frames that are looked at until the answer must have come.
MOST_FRAMES = 100
_CONTINUED, _TEXT, _CLOSE, _PING, _PONG = 0, 1, 8, 9, 10


class NoMessageError(ValueError):
    """What came is no message, and why."""


def new_key() -> str:
    return base64.b64encode(os.urandom(16)).decode()


def accepted(key: str) -> str:
    """What a server answers to a key."""
    return base64.b64encode(hashlib.sha1(key.encode() + _MAGIC, usedforsecurity=False).digest()).decode()


def frame(kind: int, data: bytes) -> bytes:
    """A whole message, masked as a client's must be."""
    mask = os.urandom(4)
    size = len(data)
    if size < 126:
        head = struct.pack("!BB", 0x80 | kind, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | kind, 0x80 | 127, size)
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))


def exchange(wire: Wire, message: str, skip: int) -> str:
    """Send a message and return the text that answers it, after `skip` others. Raises NoMessageError or OSError."""
    wire.send(frame(_TEXT, message.encode()))
    parts: list[bytes] | None = None
    for _number in range(MOST_FRAMES):
        is_last, kind, data = _next(wire)
        if kind == _PING:
            wire.send(frame(_PONG, data))
        elif kind == _CLOSE:
            raise NoMessageError("the server closed the WebSocket")
        elif kind == _TEXT or (kind == _CONTINUED and parts is not None):
            parts = [data] if kind == _TEXT or parts is None else [*parts, data]
            if sum(map(len, parts)) > LONGEST_MESSAGE:
                raise NoMessageError(f"a message of more than {LONGEST_MESSAGE} bytes")
            if is_last:
                if not skip:
                    return b"".join(parts).decode(errors="replace")
                skip, parts = skip - 1, None
    raise NoMessageError(f"{MOST_FRAMES} frames, and none of them the answer")


def _next(wire: Wire) -> tuple[bool, int, bytes]:
    first, second = _exactly(wire, 2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", _exactly(wire, 2))
    elif size == 127:
        (size,) = struct.unpack("!Q", _exactly(wire, 8))
    if first & 0x70 or second & 0x80:
        raise NoMessageError("bytes that are no frame of a server")
    if size > LONGEST_MESSAGE:
        raise NoMessageError(f"a message of more than {LONGEST_MESSAGE} bytes")
    return bool(first & 0x80), first & 0x0F, _exactly(wire, size)


def _exactly(wire: Wire, size: int) -> bytes:
    data = wire.reader.read(size)
    if len(data) < size:
        raise NoMessageError("the connection ended before the answer")
    return data
