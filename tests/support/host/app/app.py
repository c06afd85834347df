"""The smallest app for fault tests: it boots in a tenth of a second and misbehaves on request.

behaviour.json beside it says how, for each environment: apps that are healthy in staging and broken in production
are what every invariant is about.

    boot_seconds    it listens only after this time
    crash           it ends at once
    exit_after      it ends this many seconds after it began to listen
    unhealthy       /health answers 503
    redirects       /health answers 302
    loopback        it listens on 127.0.0.1 alone
    bad_smoke       /smoke answers 500
    accept_seconds  it accepts a connection only so long after the one before
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

BEHAVIOUR = json.loads(Path("behaviour.json").read_text())
ENVIRONMENT = os.environ.get("RELEASE_ENVIRONMENT", "development")
ILL = BEHAVIOUR.get(ENVIRONMENT, {})
IDENTITY = {
    "app": os.environ.get("RELEASE_APP", "app"),
    "environment": ENVIRONMENT,
    "release": os.environ.get("RELEASE_ID", "none"),
    "version": BEHAVIOUR.get("version", ""),
    # Shows what a rollback restores, and what it leaves.
    "setting": os.environ.get("FAULTS_SETTING", ""),
    "secret": os.environ.get("FAULTS_SECRET", ""),
}

stopping = threading.Event()
#: The connections that are being served.
in_flight: set[socket.socket] = set()
changing = threading.Lock()


def answer(path: str, body: bytes) -> tuple[str, dict[str, Any]]:
    """Status and data of one request."""
    if path == "/health" and ILL.get("unhealthy"):
        return "503 Service Unavailable", {**IDENTITY, "status": "failing"}
    if path == "/health" and ILL.get("redirects"):
        return "302 Found", {**IDENTITY, "status": "elsewhere"}
    if path == "/smoke" and ILL.get("bad_smoke"):
        return "500 Internal Server Error", {**IDENTITY, "status": "failing"}
    if path == "/echo":
        return "200 OK", {**IDENTITY, "echo": json.loads(body)}
    return "200 OK", {**IDENTITY, "status": "ok"}


def serve(connection: socket.socket) -> None:
    """One request for each connection, as the switch sends them."""
    try:
        connection.settimeout(5)
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                return
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        while len(body) < length:
            body += connection.recv(65536)
        status, result = answer(lines[0].split(" ")[1].partition("?")[0], body)
        text = json.dumps(result).encode()
        connection.sendall(
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n"
            f"Connection: close\r\n\r\n".encode()
            + text
        )
        connection.shutdown(socket.SHUT_WR)
    except (OSError, ValueError):
        pass
    finally:
        connection.close()
        with changing:
            in_flight.remove(connection)


def stop(*_: object) -> None:
    stopping.set()
    listener.close()


def main() -> int:
    signal.signal(signal.SIGTERM, stop)
    print("start", flush=True)
    if ILL.get("crash"):
        print("crashing, as behaviour.json wants it", flush=True)
        return 3
    time.sleep(ILL.get("boot_seconds", 0))
    listener.bind(("127.0.0.1" if ILL.get("loopback") else "0.0.0.0", 8000))
    listener.listen(256)
    print("listening", flush=True)
    if "exit_after" in ILL:
        timer = threading.Timer(ILL["exit_after"], os._exit, (4,))
        timer.daemon = True
        timer.start()
    listener.settimeout(0.2)
    while not stopping.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        except OSError:
            break
        with changing:
            in_flight.add(connection)
        threading.Thread(target=serve, args=(connection,), daemon=True).start()
        # Being slow is what this version is for: meanwhile the kernel accepts in its name, as for any app that is busy.
        time.sleep(ILL.get("accept_seconds", 0))
    deadline = time.monotonic() + 5
    while in_flight and time.monotonic() < deadline:
        time.sleep(0.01)
    return 0


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sys.exit(main())
