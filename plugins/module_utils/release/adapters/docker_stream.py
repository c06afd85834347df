# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Standard streams of a process in a container, over Docker's socket: what it reads and writes, byte by byte."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import OperationError
from ..paths import DOCKER_SOCKET

CONNECT_SECONDS = 60
_LONGEST_HEAD = 65536
#: Of a frame: which stream, and how many bytes follow.
_FRAME_HEAD = 8


class Stream:
    """An open connection. With a terminal all that comes is its output; without, frames tell stdout from stderr."""

    def __init__(self, target: str, body: Mapping[str, Any] | None, tty: bool, path: str = DOCKER_SOCKET) -> None:
        self.tty, self.rest, self.unsent = tty, b"", b""
        #: Where Docker is told of it.
        self.place = ""
        self.end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.end.settimeout(CONNECT_SECONDS)
        try:
            self.end.connect(path)
            data = b"" if body is None else json.dumps(body).encode()
            head = (
                f"POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
            )
            self.end.sendall(head.encode() + data)
            self.rest = self._after_head(target)
        except OSError as error:
            self.end.close()
            raise OperationError("Docker does not answer", path, repr(error)) from error
        self.end.setblocking(False)

    def _after_head(self, target: str) -> bytes:
        found = b""
        while b"\r\n\r\n" not in found and len(found) < _LONGEST_HEAD:
            part = self.end.recv(65536)
            if not part:
                break
            found += part
        head, _blank, rest = found.partition(b"\r\n\r\n")
        status = head.split(b"\r\n")[0].split()
        if len(status) < 2 or status[1] not in (b"101", b"200"):
            said = " ".join(rest.decode(errors="replace").split())
            raise OperationError(f"Docker refused POST {target.partition('?')[0]}", "docker", said or "no answer")
        return rest

    def fileno(self) -> int:
        return self.end.fileno()

    def read(self) -> bool:
        """Take what has come. Returns False at its end."""
        try:
            part = self.end.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.rest += part
        return bool(part)

    def parts(self) -> Iterator[tuple[int, bytes]]:
        """What has come and is whole: 1 for stdout, 2 for stderr, and the bytes."""
        if self.tty:
            data, self.rest = self.rest, b""
            if data:
                yield 1, data
            return
        while len(self.rest) >= _FRAME_HEAD:
            end = _FRAME_HEAD + int.from_bytes(self.rest[4:_FRAME_HEAD], "big")
            if len(self.rest) < end:
                return
            which, data, self.rest = self.rest[0], self.rest[_FRAME_HEAD:end], self.rest[end:]
            yield (2 if which == 2 else 1), data

    def write(self, data: bytes = b"") -> None:
        """Send this after what could not be sent yet. It is the reader who sets the pace."""
        self.unsent += data
        try:
            sent = self.end.send(self.unsent) if self.unsent else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(self.unsent)  # nobody reads it any more; what is still written is of interest
        self.unsent = self.unsent[sent:]

    def no_more_input(self) -> None:
        try:
            self.end.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it has ended

    def close(self) -> None:
        self.end.close()
