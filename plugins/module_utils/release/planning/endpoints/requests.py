# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests of an endpoint, with what earlier steps captured and the values of the environment filled in."""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...env.matrix import REFERENCE
from ...releases.endpoints import Asked, Came
from ...stack.edge_view import routes_in
from ...stack.endpoints.json_path import AbsentError, value_at
from ...stack.endpoints.model import Capture, Cors, Endpoint, Expect, Step, WebSocket
from ...stack.model import Environment, Stack, stripped
from . import cors as cors_rules

#: All of a request may take so long, unless the endpoint gives it more.
SECONDS = 5.0


class UnfilledError(ValueError):
    """A request cannot be made, and why."""


@dataclass(frozen=True)
class Site:
    """Where an environment's endpoints are asked: on this host, or by their real addresses."""

    stack: Stack
    environment: Environment
    is_real: bool = False

    def address(self, endpoint: Endpoint) -> tuple[str, str, int]:
        """Scheme, host and port of an endpoint."""
        tls = self.environment.tls
        scheme = endpoint.scheme or ("https" if tls else "http")
        host = endpoint.hosts[self.environment.name] or self.environment.main_host.replace("*", "any") or "localhost"
        return scheme, host, tls.port if tls and scheme == "https" else self.environment.ports[0]

    def asked(self, endpoint: Endpoint, method: str, path: str, headers: Mapping[str, str], **more: Any) -> Asked:
        scheme, host, port = self.address(endpoint)
        site = "" if self.is_real else f"{self.stack.name}-{self.environment.name}"
        strip = self._strip(host, path.partition("?")[0])
        return Asked(method, scheme, host, port, path, tuple(headers.items()), site=site, strip=strip, **more)

    def _strip(self, host: str, path: str) -> str:
        """The prefix of a path that the edge takes off on the way to the app."""
        routes = [
            (its != "", len(route.path), stripped(route))
            for _app, route, its in routes_in(self.stack, self.environment)
            if its in ("", host) and f"{path}/".startswith(f"{route.path.rstrip('/')}/")
        ]
        return max(routes, default=(False, 0, ""))[2]


def filled(text: str, values: Mapping[str, str], *, quoted: bool = False) -> str:
    """A text with each `${name}` replaced. Raises UnfilledError if one has no value, or for what cannot be sent."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if not values.get(name):
            raise UnfilledError(f"{name} has no value")
        return urllib.parse.quote(_sendable(values[name]), safe="") if quoted else values[name]

    return _sendable(REFERENCE.sub(value, text))


def _sendable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a pair, which JSON can spell: also that of an answer which is captured.
        raise UnfilledError("it has a character that cannot be sent") from None
    return text


def of_step(site: Site, endpoint: Endpoint, step: Step, values: Mapping[str, str]) -> Asked:
    """Raises UnfilledError."""
    headers = _headers(step.headers, values)
    body = filled(step.body, values).encode()
    if step.json:
        body = json.dumps(_filled_in(step.json[0], values)).encode()
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "application/json"
    expect = step.expect
    tls = expect.tls
    return site.asked(
        endpoint,
        step.method,
        filled(step.path, values, quoted=True),
        headers,
        body=body,
        seconds=_seconds(expect),
        needs_body=expect.needs_body or any(capture.json for capture in step.capture.values()),
        certified=(tls.name or site.address(endpoint)[1]) if tls else "",
    )


def of_cors(site: Site, endpoint: Endpoint, cors: Cors, check: cors_rules.CorsCheck) -> Asked:
    method = "OPTIONS" if check.preflight else "GET"
    return site.asked(endpoint, method, cors.path, cors_rules.headers(cors, check))


def of_websocket(site: Site, endpoint: Endpoint, socket: WebSocket, values: Mapping[str, str]) -> Asked:
    """Raises UnfilledError."""
    path = filled(socket.path, values, quoted=True)
    headers = _headers(socket.headers, values)
    return site.asked(endpoint, "GET", path, headers, is_websocket=True, message=socket.send, skip=socket.skip)


def captured(step: Step, came: Came) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """What later steps may use of an answer, and what was not there: by name, with why."""
    found: dict[str, str] = {}
    absent: list[tuple[str, str]] = []
    for name, capture in step.capture.items():
        try:
            value = _value(capture, came)
        except (ValueError, RecursionError, AbsentError) as error:
            absent.append((name, "no JSON" if not isinstance(error, AbsentError) else str(error)))
            continue
        if value:
            found[name] = value
        else:
            absent.append((name, "an empty value, or none that is a text or a number"))
    return found, absent


def _value(capture: Capture, came: Came) -> str:
    if capture.header:
        found: Any = came.header(capture.header)
        if found is None:
            raise AbsentError("absent")
    else:
        found = value_at(json.loads(came.body), capture.json)
    return str(found) if isinstance(found, (str, int, float)) and not isinstance(found, bool) else ""


def _seconds(expect: Expect) -> float:
    # One that is late is told how late it was.
    return max(SECONDS, expect.within_ms / 1000 + 1)


def _headers(written: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    headers = {name: filled(value, values) for name, value in written.items()}
    for name, value in headers.items():
        if not value.isprintable() or not value.isascii():
            raise UnfilledError(f"a value for the header {name} has characters that no header has")
    return headers


def _filled_in(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return filled(value, values)
    if isinstance(value, list):
        return [_filled_in(item, values) for item in value]
    if isinstance(value, dict):
        return {key: _filled_in(item, values) for key, item in value.items()}
    return value
