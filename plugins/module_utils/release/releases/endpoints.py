# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of an endpoint, what came, and what was found wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..stack.model import EnvironmentName

#: Of a body that is judged, in bytes, once it is decompressed. What is longer is no answer of an API.
BODY_LIMIT = 256 * 1024
#: Why there was no answer. `refused`: nobody listens. `unknown`: no such name. `closed`: the connection was closed
#: before an answer. `broken`: what came is no whole answer. `slow`: it took too long.
Silence = Literal["", "refused", "unknown", "closed", "broken", "slow"]


@dataclass(frozen=True)
class Certificate:
    """A server's certificate: until when it is valid (seconds since the epoch), and what is wrong with it for the name
    that was wanted."""

    until: float = 0.0
    trouble: str = ""


@dataclass(frozen=True)
class Asked:
    """One request, with everything filled in."""

    method: str
    scheme: str
    host: str
    port: int
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    #: All of it may take so long: connection, TLS, headers and body.
    seconds: float = 5.0
    #: Of an environment on this host, `<stack>-<environment>`; empty: the real address is asked.
    site: str = ""
    #: The prefix of its route that the app does not see.
    strip: str = ""
    needs_body: bool = False
    #: The name that the certificate must have; empty if it is not looked at.
    certified: str = ""
    #: A WebSocket: the message that is sent after the handshake, and how many come before its answer.
    is_websocket: bool = False
    message: str = ""
    skip: int = 0

    @property
    def authority(self) -> str:
        """As the Host header has it: with the port where it is not the usual one."""
        usual = 443 if self.scheme == "https" else 80
        return self.host if self.port == usual else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True)
class Came:
    """What came: an answer, or why there was none."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    #: The body was longer than what is judged.
    is_cut: bool = False
    silence: Silence = ""
    #: Says more than `silence`.
    trouble: str = ""
    seconds: float = 0.0
    certificate: Certificate | None = None
    #: Of a WebSocket: whether the handshake was right, and the message that came.
    is_open: bool = False
    said: str | None = None

    def header(self, name: str) -> str | None:
        """The value of a header; of one that came several times, all of them."""
        found = [value for known, value in self.headers if known.lower() == name.lower()]
        return ", ".join(found) if found else None


@dataclass(frozen=True)
class Miss:
    """One expectation that does not hold: where it is written, what was expected, what came."""

    where: str
    expected: str
    came: str

    def __str__(self) -> str:
        return f"expected {self.expected}, came {self.came}"


@dataclass(frozen=True)
class Verdict:
    """What was found of one request of an endpoint. It holds if nothing is missed."""

    endpoint: str
    step: str
    #: The request as it is written, so without what is filled in.
    request: str
    misses: tuple[Miss, ...] = ()
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        return not self.misses

    @property
    def title(self) -> str:
        return f"{self.endpoint}: {self.step}" if self.step else self.endpoint


@dataclass
class EnvironmentVerdicts:
    """What was found in one environment."""

    stack: str
    environment: EnvironmentName
    release: str = ""
    verdicts: list[Verdict] = field(default_factory=list)
    #: What people should know of it besides.
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return all(verdict.holds for verdict in self.verdicts)
