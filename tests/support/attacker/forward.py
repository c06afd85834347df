"""A tunnel, as cloudflared or `ssh -R` make it: whoever reaches it comes from the host itself.

forward.py ADDRESS PORT TO_PORT
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading


def copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def main(address: str, port: int, to: int) -> None:
    listener = socket.create_server((address, port), backlog=64)
    while True:
        near, _ = listener.accept()
        far = socket.create_connection(("127.0.0.1", to), timeout=10)
        for ends in ((near, far), (far, near)):
            threading.Thread(target=copy, args=ends, daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
