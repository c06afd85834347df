"""An app that notes every byte it gets, and answers with the bytes it was told to, right or wrong.

`PUT /.shape` says how to answer from now on and forgets what was noted; `GET /.shape` tells what was noted since. Both
are meant for those who reach it directly. An answer is a list of texts (bytes as in Latin-1) and of pauses in seconds.
"""

from __future__ import annotations

import base64
import json
import re
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

OK = ["HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"]
IDLE_SECONDS = 5.0


@dataclass
class Told:
    """How to answer, and what came since that was said."""

    answer: list[Any] = field(default_factory=lambda: list(OK))
    # Close the connection after the answer; answer before the body has come.
    close: bool = False
    early: bool = False
    seen: list[bytes] = field(default_factory=list)
    busy: int = 0
    idle: threading.Condition = field(default_factory=threading.Condition)


class Reader:
    """What comes through a connection, with all that was taken of the message so far."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.ahead = b""
        self.taken = b""

    def _more(self) -> bool:
        part = self.connection.recv(65536)
        self.ahead += part
        return bool(part)

    def take(self, size: int) -> bytes:
        while len(self.ahead) < size and self._more():
            pass
        return self._take(size)

    def until(self, end: bytes) -> bytes:
        while end not in self.ahead and self._more():
            pass
        place = self.ahead.find(end)
        return self._take(len(self.ahead) if place < 0 else place + len(end))

    def _take(self, size: int) -> bytes:
        part, self.ahead = self.ahead[:size], self.ahead[size:]
        self.taken += part
        return part


def take_body(reader: Reader, head: bytes) -> None:
    """To the end of the message, as its head tells it."""
    if re.search(rb"\r\ntransfer-encoding: *chunked *\r\n", head, re.IGNORECASE):
        while line := reader.until(b"\r\n"):
            size = int(line.split(b";")[0], 16)
            if not size:
                break
            reader.take(size + 2)
        while reader.until(b"\r\n").strip():
            pass
    elif found := re.search(rb"\r\ncontent-length: *([0-9]+) *\r\n", head, re.IGNORECASE):
        reader.take(int(found[1]))


def send(connection: socket.socket, answer: list[Any]) -> None:
    for part in answer:
        if isinstance(part, str):
            connection.sendall(part.encode("latin-1"))
        else:
            # The pause is part of what is answered.
            time.sleep(part)


def respond(connection: socket.socket, status: str, body: bytes = b"") -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode() + body)


def command(told: Told, connection: socket.socket, reader: Reader, head: bytes) -> None:
    """Be told, or tell."""
    if head.startswith(b"PUT "):
        take_body(reader, head)
        said = json.loads(reader.taken[len(head) :])
        with told.idle:
            told.answer, told.close, told.early = said["answer"] or OK, said["close"], said["early"]
            told.seen = []
        respond(connection, "200 OK")
        return
    with told.idle:
        told.idle.wait_for(lambda: told.busy == 0, IDLE_SECONDS)
        noted = [base64.b64encode(part).decode() for part in told.seen]
    respond(connection, "200 OK", json.dumps(noted).encode())


def tunnel(told: Told, connection: socket.socket, reader: Reader) -> None:
    """After an upgrade: an echo."""
    while part := reader.take(1) + reader.ahead:
        reader.ahead = b""
        told.seen.append(part)
        connection.sendall(b"echo:" + part)


def handle(told: Told, connection: socket.socket, reader: Reader, head: bytes) -> bool:
    """One request. Returns whether another may follow."""
    answer, close = list(told.answer), told.close
    if told.early:
        send(connection, answer)
    elif re.search(rb"\r\nexpect: *100-continue\r\n", head, re.IGNORECASE):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    take_body(reader, head)
    told.seen.append(reader.taken)
    if not told.early:
        send(connection, answer)
    if isinstance(answer[0], str) and answer[0].startswith("HTTP/1.1 101"):
        tunnel(told, connection, reader)
        return False
    return not close and not re.search(rb"\r\nconnection: *close\r\n", head, re.IGNORECASE)


def serve(told: Told, connection: socket.socket) -> None:
    with connection:
        connection.settimeout(30)
        reader = Reader(connection)
        try:
            while head := reader.until(b"\r\n\r\n"):
                words = head.split(b" ")
                if words[1:2] == [b"/health"]:
                    respond(connection, "200 OK", b"ok\n")
                    break
                if words[1:2] == [b"/.shape"]:
                    command(told, connection, reader, head)
                    break
                with told.idle:
                    told.busy += 1
                try:
                    again = handle(told, connection, reader, head)
                finally:
                    with told.idle:
                        told.busy -= 1
                        told.idle.notify_all()
                reader.taken = b""
                if not again:
                    break
            connection.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            return


def main(port: int = 8000) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    told = Told()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))
    listener.listen(256)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(told, connection), daemon=True).start()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
