"""Many connections with half a request, held for a while; bounded in number and time.

    flood.py HOST PORT CONNECTIONS SECONDS [--upload BYTES] SOURCE ...

Prints how many were open at the end of the opening, as JSON, and holds them until the time is over. With `--upload`,
each sends a whole header and this much of a body that never ends.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import select
import socket
import time

#: What the time limit leaves to the opening itself.
OPENING_SECONDS = 15.0
MOST_SECONDS = 120.0
#: As long as nothing more is taken from anyone.
PATIENCE_SECONDS = 0.5
HALF = b"GET / HTTP/1.1\r\nHost: shop.exam"


def opened(host: str, port: int, number: int, sources: list[str]) -> list[socket.socket]:
    """The connections, started without waiting for each other."""
    deadline = time.monotonic() + OPENING_SECONDS
    started: list[socket.socket] = []
    for index in range(number):
        if time.monotonic() > deadline:
            break
        connection = socket.socket()
        connection.setblocking(False)
        try:
            connection.bind((sources[index % len(sources)], 0))
            connection.connect_ex((host, port))
        except OSError:
            connection.close()
            continue
        started.append(connection)
    return started


def alive(connections: list[socket.socket]) -> list[socket.socket]:
    """Those that were accepted and are still open."""
    found = []
    poll = select.poll()
    known = {connection.fileno(): connection for connection in connections}
    for number in known:
        poll.register(number, select.POLLOUT)
    for number, event in poll.poll(1000):
        if event & select.POLLOUT and not event & (select.POLLERR | select.POLLHUP):
            found.append(known[number])
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("connections", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--upload", type=int, default=0)
    options = parser.parse_args()
    end = time.monotonic() + min(options.seconds, MOST_SECONDS)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    started = opened(options.host, options.port, options.connections, options.sources)
    head = HALF
    if options.upload:
        head = b"POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %d\r\n\r\n" % (options.upload + 1)
    left = {connection: memoryview(head + bytes(options.upload)) for connection in alive(started)}
    # Whoever was let in sends; whoever was turned away is closed by the other side meanwhile.
    patience = time.monotonic() + PATIENCE_SECONDS
    while any(left.values()) and time.monotonic() < min(patience, end):
        for connection, data in left.items():
            if data:
                with contextlib.suppress(OSError):
                    left[connection] = data[connection.send(data[:65536]) :]
                    patience = time.monotonic() + PATIENCE_SECONDS
        time.sleep(0.001)
    print(json.dumps({"started": len(started), "open": len(alive(started))}), flush=True)
    time.sleep(max(0.0, end - time.monotonic()))


if __name__ == "__main__":
    main()
