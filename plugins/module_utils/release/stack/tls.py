# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `tls` of an environment: where its certificate is, on which port it is used, and which ports stay plain HTTP."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import Problem
from ..util.fields import Fields, shown

#: Read as root on the host, so only a plain absolute path; on the control machine any path will do.
HOST_PATH = r"/[A-Za-z0-9._/@+-]*[A-Za-z0-9]"
ANY_PATH = r"[^\s].*"
TWO_YEARS = 63072000


@dataclass(frozen=True)
class Tls:
    """How an environment is reached by HTTPS."""

    certificate: str
    key: str
    #: Where the two files are: `host`, or `control` for the machine that provisions.
    location: str
    port: int
    #: Ports of the environment that keep answering by HTTP. All others redirect to HTTPS.
    plain_ports: tuple[int, ...]
    #: HSTS max-age in seconds; 0 sends no header.
    hsts_seconds: int


@dataclass(frozen=True)
class CertificatePair:
    """A certificate with its chain, its key, and the places of both for messages."""

    certificate: bytes
    key: bytes = field(repr=False)
    certificate_place: str
    key_place: str

    @property
    def pem(self) -> bytes:
        return self.certificate.rstrip() + b"\n" + self.key.rstrip() + b"\n"


def days_left(until: datetime.datetime, now: float) -> int:
    return int((until.timestamp() - now) // 86400)


def read_tls(environment: Fields, ports: Sequence[int], problems: list[Problem]) -> Tls | None:
    """Read the `tls` of an environment; None if there is none."""
    data = environment.value("tls")
    if data is None:
        return None
    fields = Fields(data, f"{environment.where}.tls", problems)
    location = fields.choice("location", "host", ("host", "control"))
    path = HOST_PATH if location == "host" else ANY_PATH
    hint = "an absolute path on the host, for example /etc/letsencrypt/live/shop.example/fullchain.pem"
    tls = Tls(
        certificate=fields.text("certificate", pattern=path, required=True, hint=hint),
        key=fields.text("key", pattern=path, required=True, hint=hint.replace("fullchain", "privkey")),
        location=location,
        port=fields.integer("port", 443, 1, 65535),
        plain_ports=_read_plain_ports(fields, ports),
        hsts_seconds=fields.integer("hsts_seconds", 0, 0, TWO_YEARS),
    )
    if tls.port in ports:
        fields.note("port", f"{tls.port} is one of the environment's `ports`, which are for http", "choose another")
    fields.no_others()
    return tls


def _read_plain_ports(fields: Fields, ports: Sequence[int]) -> tuple[int, ...]:
    known = {str(port): port for port in ports}
    found = []
    for port in fields.items("plain_ports"):
        written = port if isinstance(port, str) else shown(port)
        if written in known:
            found.append(known[written])
        else:
            fix = "choose from " + ", ".join(known)
            fields.note("plain_ports", f"{shown(port)} is not one of the environment's `ports`", fix)
    return tuple(found)
