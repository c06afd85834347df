"""The app that is attacked, and that attacks: it answers with what it got, and misbehaves on request.

It runs as root in its container, with whatever the platform leaves it. /tmp/health, if somebody wrote it, replaces the
body of its health check, which then fails. behaviour.json beside it says more, by environment:

    leak    it prints its secret in several forms and ends
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import sys
import threading
import urllib.parse
from pathlib import Path

ENVIRONMENT = os.environ.get("RELEASE_ENVIRONMENT", "development")
BEHAVIOUR = json.loads(Path("behaviour.json").read_text()).get(ENVIRONMENT, {})
ILL = Path("/tmp/health")
#: What a hostile build brought back, see tests/e2e/attacks.
LOOT = Path("/loot")
#: RFC 6455.
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def answer(path: str, head: list[str]) -> tuple[str, bytes]:
    """Status and body of one request."""
    if path.endswith("/health"):
        return ("503 Service Unavailable", ILL.read_bytes()) if ILL.exists() else ("200 OK", b"ok\n")
    if path == "/loot":
        return "200 OK", LOOT.read_bytes() if LOOT.exists() else b""
    told = {
        "app": os.environ.get("RELEASE_APP", ""),
        "environment": ENVIRONMENT,
        "release": os.environ.get("RELEASE_ID", ""),
        "path": path,
        "headers": head,
    }
    return "200 OK", json.dumps(told).encode()


def accepted(lines: list[str]) -> list[str]:
    """The answer to a WebSocket's key: routers look whether it is right."""
    keys = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("sec-websocket-key:")]
    return [
        "Sec-WebSocket-Accept: " + base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        for key in keys
    ]


def serve(connection: socket.socket) -> None:
    """One request for each connection; after an upgrade, of whatever kind, an echo of what comes."""
    with connection:
        connection.settimeout(5)
        try:
            data = b""
            while b"\r\n\r\n" not in data:
                part = connection.recv(65536)
                if not part:
                    return
                data += part
            lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
            wanted = [line for line in lines if line.lower().startswith("upgrade:")]
            if wanted:
                reply = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", wanted[0], *accepted(lines)]
                connection.sendall("\r\n".join([*reply, "", ""]).encode("latin-1"))
                connection.sendall(b"TUNNEL-GOT:" + connection.recv(65536))
                return
            status, body = answer(lines[0].split(" ")[1], lines[1:])
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
            connection.sendall((head + "X-Release: forged\r\nX-Flag-Off: forged\r\n\r\n").encode() + body)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            return


def leak() -> None:
    """As a careless app does in its last words."""
    secret = os.environ.get("SHOP_SECRET", "")
    print("cannot connect with", secret)
    print("config:", json.dumps({"secret": secret}))
    print("url: postgresql://shop:" + urllib.parse.quote(secret, safe="") + "@db/shop")
    print("header: Basic", base64.b64encode(secret.encode()).decode(), flush=True)


def main() -> int:
    if BEHAVIOUR.get("leak"):
        leak()
        return 3
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", 8000))
    listener.listen(256)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


sys.exit(main())
