"""Which of these addresses and ports answer from here. Runs in a container, or in a network beside the host.

    connect.py ADDRESS,... PORT,... [udp]

Prints `ADDRESS PORT` of each that does. `gateway` is this container's. A range of ports is FIRST-LAST.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SECONDS = 1.5


def gateway() -> str:
    routes = [line.split() for line in Path("/proc/net/route").read_text().splitlines()[1:]]
    return next(socket.inet_ntoa(struct.pack("<L", int(route[2], 16))) for route in routes if route[1] == "00000000")


def numbers(text: str) -> list[int]:
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def answers(address: str, port: int, kind: str) -> bool:
    with contextlib.suppress(OSError):
        if kind == "udp":
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
                here.settimeout(SECONDS)
                here.sendto(b"anybody?", (address, port))
                return bool(here.recv(99))
        socket.create_connection((address, port), SECONDS).close()
        return True
    return False


def main(addresses: list[str], ports: list[int], kind: str) -> None:
    every = [(gateway() if it == "gateway" else it, port) for it in addresses for port in ports]
    with ThreadPoolExecutor(16) as pool:
        for (address, port), answered in zip(
            every, pool.map(lambda it: answers(it[0], it[1], kind), every), strict=True
        ):
            if answered:
                print(address, port)


if __name__ == "__main__":
    main(sys.argv[1].split(","), numbers(sys.argv[2]), "".join(sys.argv[3:]) or "tcp")
