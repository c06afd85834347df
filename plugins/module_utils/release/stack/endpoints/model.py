# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an endpoint is: requests, and what must hold of their answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: When an endpoint is asked: by verify, after a deploy to staging, in staging before a promote, after production's
#: switch.
Moment = Literal["verify", "deploy", "gate", "switch"]
MOMENTS: tuple[Moment, ...] = ("verify", "deploy", "gate", "switch")

#: What a JSON value may be.
TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
#: What a redirect may keep of the request.
KEEPS = ("path", "query")
#: Statuses of a redirect whose `code` is not said.
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Rule:
    """What must hold of one value; by default that it is there."""

    present: bool = True
    #: Empty, or the one value that it must equal: that may be null.
    equals: tuple[Any, ...] = ()
    type: str = ""
    matches: str = ""


@dataclass(frozen=True)
class Redirect:
    """Where visitors are sent. `to` is an address, or a path of the same host."""

    to: str
    code: tuple[int, ...] = REDIRECTS
    keeps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Certified:
    """A certificate: valid for so many days yet, and for a name (empty: the endpoint's host)."""

    days: int = 0
    name: str = ""


@dataclass(frozen=True)
class Expect:
    """What must hold of one answer."""

    #: Empty: any of 2xx, unless a redirect is expected.
    status: tuple[int, ...] = ()
    headers: Mapping[str, Rule] = field(default_factory=dict)
    json: Mapping[str, Rule] = field(default_factory=dict)
    body: Rule | None = None
    within_ms: int = 0
    redirect: Redirect | None = None
    tls: Certified | None = None
    #: Nothing of ours may answer: 404, 410, refused, or no such name.
    gone: bool = False

    @property
    def needs_body(self) -> bool:
        return bool(self.json) or self.body is not None


@dataclass(frozen=True)
class Capture:
    """What later steps may use of an answer: a value of its JSON, or a header."""

    json: str = ""
    header: str = ""


@dataclass(frozen=True)
class Step:
    """One request. Its texts may hold `${name}`: what an earlier step captured, or a key of the env matrix."""

    name: str
    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    #: Empty, or the one value that is sent as JSON.
    json: tuple[Any, ...] = ()
    expect: Expect = field(default_factory=Expect)
    capture: Mapping[str, Capture] = field(default_factory=dict)


@dataclass(frozen=True)
class Cors:
    """Which pages of other origins browsers let in, and what these may do."""

    path: str
    #: Empty: the `origins` of the environment.
    allowed: tuple[str, ...]
    refused: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("GET",)
    headers: tuple[str, ...] = ()
    credentials: bool = False

    def of(self, origins: tuple[str, ...]) -> Cors:
        """With the origins of an environment, where it names none itself."""
        return self if self.allowed or not origins else dataclasses.replace(self, allowed=origins)

    @property
    def is_public(self) -> bool:
        """Whether every page may read the answers."""
        return self.allowed == ("*",)


@dataclass(frozen=True)
class WebSocket:
    """A handshake and, with `send`, what the server answers to a message; `skip` are messages that it sends first."""

    path: str
    send: str = ""
    answer: Rule = field(default_factory=Rule)
    skip: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Endpoint:
    """One promise to the outside. It has steps, or CORS rules, or a WebSocket."""

    name: str
    #: As in the inventory, `stack shop.endpoints[0]`, for messages.
    where: str
    #: By environment; a text that is empty stands for any name that the environment has.
    hosts: Mapping[str, str]
    scheme: str
    when: tuple[Moment, ...]
    #: How it was written: what a release stores, and reads again.
    written: Mapping[str, Any]
    steps: tuple[Step, ...] = ()
    cors: Cors | None = None
    websocket: WebSocket | None = None
    #: Whether `steps` were written, which name themselves.
    is_flow: bool = False

    def is_for(self, environment: str, moment: Moment) -> bool:
        return environment in self.hosts and (moment == "verify" or moment in self.when)
