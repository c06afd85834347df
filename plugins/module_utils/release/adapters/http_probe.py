# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probing apps for readiness, and the edge for the right release. On this host only."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Mapping
from typing import TypeAlias

from ..paths import EDGE_SOCKETS, HAPROXY_SOCKETS
from ..releases.runtime import Answer, ProbeTarget
from ..stack.model import NAME

#: Timeout in seconds of one probe; waiting for readiness takes many short probes.
PROBE_SECONDS = 5.0
#: Of an answer's body: enough to say what is wrong.
BODY_BYTES = 300
#: What the router says of its answer: no app can.
_SAID = ("X-Release", "X-Flag-Off", "X-Maintenance")
_LAST_WORD = re.compile(r"[^\s\"'<>]*$")
#: What the edge itself answers to visitors without a password, and to those who came by http where https is wanted.
TURNED_AWAY = (308, 401)


LOOPBACK = "127.0.0.1"
#: A port on loopback, an address with a port, or the path of a unix socket.
Place: TypeAlias = "int | tuple[str, int] | str"


class _Connection(http.client.HTTPConnection):
    """To a port, or to a unix socket. With TLS the peer is known here, and a certificate that expired last
    night must not block a rollback, so nothing is verified; provisioning checks certificates."""

    def __init__(self, place: Place, host: str, *, tls: bool, timeout: float) -> None:
        super().__init__(host, timeout=timeout)
        self.place = place
        self.tls = tls

    def connect(self) -> None:
        if isinstance(self.place, int):
            self.sock = socket.create_connection((LOOPBACK, self.place), self.timeout)
        elif isinstance(self.place, tuple):
            self.sock = socket.create_connection(self.place, self.timeout)
        else:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self.place)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)


class Probe:
    """HTTP on this host."""

    def __init__(
        self, seconds: float = PROBE_SECONDS, sockets: str = EDGE_SOCKETS, router: str = HAPROXY_SOCKETS
    ) -> None:
        self.seconds = seconds
        self.router = router
        self.sockets = sockets

    def health(self, port: int, path: str, host: str = "localhost", address: str = LOOPBACK) -> Answer:
        """Probe an app in its slot directly, by a host name that it knows; further replicas by their addresses."""
        return self._ask(port if address == LOOPBACK else (address, port), host, path)

    def service(self, address: str, port: int, path: str) -> Answer:
        """Ask a service at the address of its container: for a path, or without one, whether anybody listens."""
        if path:
            return self._ask((address, port), "localhost", path)
        try:
            with socket.create_connection((address, port), self.seconds):
                return Answer(200)
        except OSError as error:
            return Answer(0, error=f"no answer on port {port}: {error}")

    def edge(self, target: ProbeTarget) -> Answer:
        """Probe the edge as a visitor would, on its public port. Where visitors need a password or are sent to https,
        that is as far as it leads, and the rest is asked through the socket that the edge has for the engine alone."""
        answer = self._ask(target.port, target.host, target.path, tls=target.tls)
        if answer.status in TURNED_AWAY and not answer.release:
            socket_path = f"{self.sockets}/{target.site}-{target.port}.sock"
            inside = self._ask(socket_path, target.host, target.path, tls=target.tls)
            # Routes of a release from before there were such sockets have none; then what a visitor gets says more.
            answer = inside if inside.status else answer
        return self._behind(target, answer) if answer.maintenance else answer

    def _behind(self, target: ProbeTarget, answer: Answer) -> Answer:
        """What the app answers that is closed for visitors. The edge has led to the router, which says whose request it
        was; the rest is asked by the router's own socket, on which a request without a client is the engine's."""
        app = answer.maintenance
        if not re.fullmatch(NAME, app):
            return answer
        headers = {
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Host": target.host,
            "X-Forwarded-Port": str(target.port),
            "X-Forwarded-Proto": "https" if target.tls else "http",
            **({"X-Forwarded-Prefix": target.strip} if target.strip else {}),
        }
        path = target.path[len(target.strip) :] if target.strip else target.path
        place = f"{self.router}/{target.site}-{app}.sock"
        inside = self._ask(place, target.host, path if path.startswith("/") else f"/{path}", headers=headers)
        return inside if inside.status else answer

    def _ask(
        self, place: Place, host: str, path: str, *, tls: bool = False, headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = _Connection(place, host, tls=tls, timeout=self.seconds)
        try:
            own = {"Host": host, "User-Agent": "onehost-release", "Connection": "close"}
            connection.request("GET", path, headers={**own, **(headers or {})})
            response = connection.getresponse()
            body = _beginning(response.read(BODY_BYTES + 1))
            release, flag, maintenance = (response.headers.get(name, "") for name in _SAID)
            return Answer(response.status, release, body, flag=flag, maintenance=maintenance)
        except (OSError, http.client.HTTPException) as error:
            port = place[1] if isinstance(place, tuple) else place
            where = f"port {port}" if isinstance(port, int) else port
            return Answer(0, error=f"no answer on {where}: {str(error) or type(error).__name__}")
        finally:
            connection.close()


def _beginning(data: bytes) -> str:
    """The beginning of a body as one line. What is cut off ends before a word: half a secret would be shown, as only
    whole ones are recognised."""
    text = " ".join(data[:BODY_BYTES].decode(errors="replace").split())
    return text if len(data) <= BODY_BYTES else f"{_LAST_WORD.sub('', text)}…"
