# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection whose whole life has one deadline, and answers read from it."""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from typing import Any, BinaryIO, TypeAlias, cast

#: A port on loopback, a real address, or the path of a unix socket.
Place: TypeAlias = "int | tuple[str, int] | str"


class LateError(OSError):
    """The time for the whole request is over."""


def left(deadline: float) -> float:
    """Seconds until a deadline. Raises LateError when it is over."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise LateError("no whole answer in time")
    return seconds


class _Reader(io.RawIOBase):
    """Each read has what is left of the whole time: a server that sends a byte now and then is not waited for."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self.connected = connected
        self.deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.connected.settimeout(left(self.deadline))
        return self.connected.recv_into(buffer)


class Wire:
    """An open connection."""

    def __init__(self, connected: socket.socket, deadline: float) -> None:
        self.connected = connected
        self.deadline = deadline
        #: What came after an answer's headers stays in here.
        self.reader: BinaryIO = io.BufferedReader(_Reader(connected, deadline))

    def makefile(self, *_mode: object) -> BinaryIO:
        """As `http.client` asks a socket for what it reads."""
        return self.reader

    def send(self, data: bytes) -> None:
        self.connected.settimeout(left(self.deadline))
        self.connected.sendall(data)

    def answer(self, method: str) -> http.client.HTTPResponse:
        """The status and headers of what comes. Raises OSError or HTTPException."""
        response = http.client.HTTPResponse(cast(socket.socket, self), method=method)
        response.begin()
        return response

    def close(self) -> None:
        self.connected.close()


def connect(place: Place, deadline: float) -> socket.socket:
    """Raises OSError."""
    seconds = left(deadline)
    if isinstance(place, str):
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            plain.settimeout(seconds)
            plain.connect(place)
        except OSError:
            plain.close()
            raise
        return plain
    return socket.create_connection(("127.0.0.1", place) if isinstance(place, int) else place, seconds)


def encrypted(plain: socket.socket, name: str, deadline: float, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
    """TLS on a connection, which is closed if that fails. Without a context the peer may be anybody."""
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        plain.settimeout(left(deadline))
        return context.wrap_socket(plain, server_hostname=name)
    except (OSError, ValueError):
        plain.close()
        raise


def open_wire(place: Place, name: str, deadline: float, *, tls: bool) -> Wire:
    """Raises OSError or ValueError, for a name that no server can have."""
    plain = connect(place, deadline)
    return Wire(encrypted(plain, name, deadline) if tls else plain, deadline)
