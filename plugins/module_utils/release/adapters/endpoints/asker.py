# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking one endpoint: on this host's own ports as a visitor would, or by its real address."""

from __future__ import annotations

import dataclasses
import http.client
import re
import signal
import socket
import ssl
import threading
import time
from types import FrameType

from ...paths import EDGE_SOCKETS, HAPROXY_SOCKETS
from ...releases.endpoints import Asked, Came, Silence
from ...stack.model import NAME
from . import bodies, certificates, websocket
from .wire import LateError, Place, Wire, open_wire

#: How long a pattern may be searched for in one text.
SEARCH_SECONDS = 1.0
#: The edge's answer to visitors who have no password.
WANTS_PASSWORD = 401


class Asker:
    """HTTP and WebSockets with a limit for everything."""

    def __init__(self, sockets: str = EDGE_SOCKETS, router: str = HAPROXY_SOCKETS) -> None:
        self.sockets = sockets
        self.router = router

    def ask(self, asked: Asked) -> Came:
        """What came; whatever it is, it comes within the request's time, and a little for a name."""
        place: Place = asked.port if asked.site else (asked.host, asked.port)
        tls = asked.scheme == "https"
        came = self._ask(asked, place, tls=tls)
        if asked.site and came.status == WANTS_PASSWORD and came.header("x-release") is None:
            # The edge wants a password; the socket that it has for the engine alone leads further.
            inside = self._ask(asked, f"{self.sockets}/{asked.site}-{asked.port}.sock", tls=tls)
            came = inside if inside.status else came
        if asked.site and re.fullmatch(NAME, app := came.header("x-maintenance") or ""):
            # Closed for visitors, not for the engine: promises are held, and releases go on, as `confirm` does.
            inside = self._ask(_behind(asked), f"{self.router}/{asked.site}-{app}.sock", tls=False)
            came = inside if inside.status else came
        if asked.certified and tls and not came.silence:
            came = _with_certificate(asked, place, came)
        return came

    def search(self, pattern: str, text: str) -> bool | None:
        """Whether a pattern is found in a text of others; None if that took too long."""
        if threading.current_thread() is not threading.main_thread():
            return re.search(pattern, text) is not None
        before = signal.signal(signal.SIGALRM, _too_long)
        signal.setitimer(signal.ITIMER_REAL, SEARCH_SECONDS)
        try:
            return re.search(pattern, text) is not None
        except TimeoutError:
            return None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _ask(self, asked: Asked, place: Place, *, tls: bool) -> Came:
        begun = time.monotonic()
        try:
            wire = open_wire(place, asked.host, begun + asked.seconds, tls=tls)
        except (OSError, ValueError) as error:
            return _silent(error, begun)
        try:
            came = _talk(wire, asked)
        except (OSError, http.client.HTTPException, ValueError) as error:
            came = _silent(error, begun)
        finally:
            wire.close()
        return dataclasses.replace(came, seconds=time.monotonic() - begun)


def _behind(asked: Asked) -> Asked:
    """A request as the edge hands it to the router, without a client: those are the engine's."""
    path = asked.path[len(asked.strip) :]
    headers = {
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Host": asked.host,
        "X-Forwarded-Port": str(asked.port),
        "X-Forwarded-Proto": asked.scheme,
        **({"X-Forwarded-Prefix": asked.strip} if asked.strip else {}),
    }
    return dataclasses.replace(
        asked, path=path if path.startswith("/") else f"/{path}", headers=(*asked.headers, *headers.items())
    )


def _talk(wire: Wire, asked: Asked) -> Came:
    key = websocket.new_key() if asked.is_websocket else ""
    wire.send(_head(asked, key) + asked.body)
    response = wire.answer(asked.method)
    came = Came(response.status, tuple(response.getheaders()))
    if asked.is_websocket:
        return _websocket(wire, asked, came, key)
    if not asked.needs_body:
        return came
    try:
        body, is_cut, trouble = bodies.read(response)
    except OSError as error:
        # Status and headers came, and are judged; the body did not.
        return dataclasses.replace(came, trouble=f"half an answer: {error or type(error).__name__}")
    return dataclasses.replace(came, body=body, is_cut=is_cut, trouble=trouble)


def _head(asked: Asked, key: str) -> bytes:
    headers = [("Host", asked.authority)]
    given = {name.lower() for name, _value in asked.headers}
    usual = {"User-Agent": "onehost-release", "Accept": "*/*", "Accept-Encoding": "identity"}
    headers += [(name, value) for name, value in usual.items() if name.lower() not in given]
    headers += asked.headers
    if key:
        headers += [("Connection", "Upgrade"), ("Upgrade", "websocket")]
        headers += [("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key)]
    else:
        headers.append(("Connection", "close"))
    if asked.body or asked.method in ("POST", "PUT", "PATCH"):
        headers.append(("Content-Length", str(len(asked.body))))
    lines = [f"{asked.method} {asked.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _websocket(wire: Wire, asked: Asked, came: Came, key: str) -> Came:
    right = came.header("sec-websocket-accept") == websocket.accepted(key)
    if came.status != 101 or not right:
        trouble = "status 101 with a wrong Sec-WebSocket-Accept" if came.status == 101 else ""
        return dataclasses.replace(came, trouble=trouble)
    came = dataclasses.replace(came, is_open=True)
    if not asked.message:
        return came
    try:
        return dataclasses.replace(came, said=websocket.exchange(wire, asked.message, asked.skip))
    except (websocket.NoMessageError, OSError) as error:
        return dataclasses.replace(came, trouble=str(error) or type(error).__name__)


def _with_certificate(asked: Asked, place: Place, came: Came) -> Came:
    deadline = time.monotonic() + asked.seconds
    try:
        found = certificates.examine(place, asked.host, asked.certified, deadline, must_be_trusted=not asked.site)
    except (OSError, ValueError):
        return came
    return dataclasses.replace(came, certificate=found)


def _silent(error: Exception, begun: float) -> Came:
    kind: Silence = "broken"
    if isinstance(error, ConnectionRefusedError):
        kind = "refused"
    elif isinstance(error, socket.gaierror):
        kind = "unknown"
    elif isinstance(error, (LateError, TimeoutError)):
        kind = "slow"
    elif isinstance(error, (http.client.RemoteDisconnected, ConnectionResetError, ssl.SSLEOFError)):
        kind = "closed"
    seconds = time.monotonic() - begun
    text = f"nothing whole within {seconds:.1f} s" if kind == "slow" else str(error) or type(error).__name__
    return Came(silence=kind, trouble=text, seconds=seconds)


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError
