# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small real servers on unix sockets that answer as Docker and HAProxy do."""

from __future__ import annotations

import contextlib
import http.server
import json
import socketserver
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

#: The reply to a call: a status and a body, sent as JSON or unchanged.
Reply = tuple[int, Any]


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 50


@contextlib.contextmanager
def _running(path: str, handler: type[socketserver.BaseRequestHandler]) -> Iterator[None]:
    with _Server(path, handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join(10)


@dataclass
class Daemon:
    """Docker's socket. `answers` maps "METHOD /path" to a reply, or to a function that makes one from the query."""

    answers: dict[str, Reply | Callable[[dict[str, str]], Reply]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)


@contextlib.contextmanager
def docker_at(path: str) -> Iterator[Daemon]:
    daemon = Daemon()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            target = urllib.parse.urlsplit(self.path)
            query = dict(urllib.parse.parse_qsl(target.query))
            daemon.calls.append(f"{self.command} {self.path}")
            reply = daemon.answers.get(
                f"{self.command} {target.path}", (404, {"message": f"page not found {self.path}"})
            )
            status, body = reply(query) if callable(reply) else reply
            if status == 0:  # the daemon dies in the middle of its answer
                self.wfile.write(body)
                self.close_connection = True
                return
            data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if status not in (204, 304):
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = answer

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with _running(path, Handler):
        yield daemon


@dataclass
class Haproxy:
    """HAProxy's runtime socket: one command per connection, an answer, and the end."""

    maps: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Versions of a map that are being prepared.
    prepared: dict[str, dict[str, str]] = field(default_factory=dict)
    stat: str = ""
    #: By backend and server: ready or maint.
    servers: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)


@contextlib.contextmanager
def haproxy_at(path: str) -> Iterator[Haproxy]:
    haproxy = Haproxy()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            command = self.rfile.readline().decode().strip()
            haproxy.commands.append(command)
            self.wfile.write(_haproxy_says(haproxy, command).encode())

    with _running(path, Handler):
        yield haproxy


def _haproxy_says(haproxy: Haproxy, command: str) -> str:
    """Recorded from HAProxy 3.0."""
    if command in ("show stat -1 2 -1", "show stat -1 4 -1"):
        return haproxy.stat
    if command.startswith("set server "):
        return "".join(_haproxy_server(haproxy, one.split()) for one in command.split("; "))
    words = command.split()
    if words[:3] == ["show", "servers", "state"]:
        known = any(name.startswith(f"{words[3]}/") for name in haproxy.servers)
        return "1\n# be_id\n\n" if known else "Can't find backend.\n\n"
    if words[:2] in (["prepare", "map"], ["add", "map"], ["commit", "map"]) and len(words) != 5:
        return _haproxy_version(haproxy, words)
    if words[:2] not in (["show", "map"], ["set", "map"], ["add", "map"]):
        return "Unknown command: 'x', but maybe one of the following ones is a better match:\n"
    return _haproxy_entry(haproxy, words)


def _haproxy_server(haproxy: Haproxy, words: list[str]) -> str:
    if words[2] not in haproxy.servers:
        return "No such backend.\n\n"
    if words[3] == "health":
        return "\n"
    if words[4] not in ("ready", "maint"):
        return "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"
    haproxy.servers[words[2]] = words[4]
    return "\n"


def _haproxy_entry(haproxy: Haproxy, words: list[str]) -> str:
    """One entry of a map, or all of them, each after its address."""
    entries = haproxy.maps.get(words[2])
    if entries is None:
        return "Unknown map identifier. Please use #<id> or <file>.\n\n"
    if words[0] == "show":
        return "".join(f"0x55f0c8a1 {key} {value}\n" for key, value in entries.items()) + "\n"
    if words[0] == "set" and words[3] not in entries:
        return "entry not found.\n\n"
    entries[words[3]] = words[4]
    return "\n"


def _haproxy_version(haproxy: Haproxy, words: list[str]) -> str:
    """A map that is replaced as a whole."""
    path = words[2] if words[0] == "prepare" else words[3]
    if path not in haproxy.maps:
        return "Unknown map identifier. Please use #<id> or <file>.\n\n"
    if words[0] == "prepare":
        haproxy.prepared[path] = {}
        return "New version created: 1\n\n"
    if words[0] == "add":
        haproxy.prepared[path][words[4]] = words[5]
    else:
        haproxy.maps[path] = haproxy.prepared.pop(path)
    return "\n"
