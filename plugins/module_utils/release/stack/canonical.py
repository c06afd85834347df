# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of an environment that clients are to use, the names that lead there for a while, and whose pages may
read its answers, as people write them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..util.fields import Fields, shown

NAME = r"[a-z][a-z0-9_]*"
_HOST = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
_PATH = r"(/[A-Za-z0-9._~-]+)*"
ADDRESS = rf"(https?|wss?)://{_HOST}(:[1-9][0-9]{{0,4}})?{_PATH}"
ORIGIN = rf"[a-z][a-z0-9+.-]*://{_HOST}(:[1-9][0-9]{{0,4}})?"
_DAY, _MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}", r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}Z"
UNTIL_FIX = 'a day, to its end in UTC, or a moment in UTC: "2027-01-31" or "2027-01-31T18:00Z", in quotes'
ADDRESS_FIX = "for example https://api.shop.example/api/v1, without a slash at its end"
#: A canonical address in a text: of the environment that the text is for.
REFERENCE = re.compile(r"\$\{canonical\.([^}]*)\}")
ORIGINS = "${origins}"


@dataclass(frozen=True)
class Former:
    """An earlier host name: it leads to a canonical address, as long as it is declared."""

    to: str
    until: str = ""


def read_canonical(fields: Fields, *, tls: bool) -> dict[str, str]:
    """The key `canonical` of an environment."""
    found = fields.values("canonical")
    for name, address in found.items():
        where = f"canonical.{name}"
        if not re.fullmatch(NAME, name):
            fields.note(where, "is not a name for an address", "lower-case letters, digits and underscores")
        if not re.fullmatch(ADDRESS, address):
            fields.note(where, f"{shown(address)} is not an address", ADDRESS_FIX)
        elif tls and address.startswith(("http:", "ws:")):
            scheme = address.partition(":")[0]
            fields.note(where, f"is {scheme}, and this environment has TLS", f"write {scheme}s")
    return {name: address for name, address in found.items() if re.fullmatch(ADDRESS, address)}


def read_redirects(fields: Fields, canonical: Mapping[str, str]) -> dict[str, Former]:
    """The key `redirects` of an environment."""
    found = {}
    for host, data in fields.mapping("redirects").items():
        inner = Fields(data, f"{fields.where}.redirects.{host}", fields.problems)
        former = Former(
            to=inner.text("to", required=True, hint="name one of `canonical`, for example web"),
            until=read_until(inner),
        )
        inner.no_others()
        if not re.fullmatch(_HOST, host):
            inner.note("", "is not a host name", "for example old.shop.example")
        if former.to and former.to not in canonical:
            known = ", ".join(canonical) or "none, so add one"
            inner.note("to", f"{shown(former.to)} is not one of `canonical`", f"known: {known}")
        elif former.to and canonical[former.to].startswith("ws"):
            inner.note("to", "is a WebSocket, and no client follows a redirect there", "give it a route with `until`")
        found[host.lower()] = former
    return found


def read_origins(fields: Fields, canonical: Mapping[str, str]) -> tuple[str, ...]:
    """The key `origins` of an environment: origins of pages, or `${canonical.<name>}` for where an address is."""
    found = []
    for named in fields.texts("origins"):
        reference = REFERENCE.fullmatch(named)
        if reference and reference.group(1) not in canonical:
            fields.note("origins", f"{shown(named)} is not one of `canonical`", "correct the name, or add it there")
            continue
        written = origin_of(canonical[reference.group(1)]) if reference else named
        if not re.fullmatch(ORIGIN, written):
            fix = "scheme and host, and the port if it is not the usual one, for example https://www.shop.example"
            fields.note("origins", f"{shown(written)} is not an origin", fix)
        elif written.lower() in found:
            fields.note("origins", f"{shown(written)} appears twice", "remove one of them")
        else:
            found.append(written.lower())
    return tuple(found)


def read_until(fields: Fields) -> str:
    """The key `until`: as it is written."""
    written = fields.text("until")
    if written:
        try:
            moment_of(written)
        except (ValueError, OverflowError):
            fields.note("until", f"{shown(written)} is not a day", UNTIL_FIX)
            return ""
    return written


def moment_of(until: str) -> int:
    """The moment from which it is over, in seconds since the epoch. Raises ValueError."""
    if re.fullmatch(_DAY, until):
        day = datetime.datetime.fromisoformat(f"{until}T00:00:00+00:00") + datetime.timedelta(days=1)
    elif re.fullmatch(_MOMENT, until):
        day = datetime.datetime.fromisoformat(f"{until[:-1]}:00+00:00")
    else:
        raise ValueError(until)
    moment = int(day.timestamp())
    if not 10**9 <= moment < 10**10:
        # Ten digits, see `before`.
        raise ValueError(until)
    return moment


def before(moment: int) -> str:
    """A regular expression for what nginx calls $msec, as long as it is before a moment."""
    digits = str(moment)
    parts = [
        f"{digits[:place]}{'0' if digit == '1' else f'[0-{int(digit) - 1}]'}"
        for place, digit in enumerate(digits)
        if digit != "0"
    ]
    return f"^({'|'.join(parts)})"


def host_of(address: str) -> str:
    return _parts(address)[1].partition(":")[0]


def path_of(address: str) -> str:
    return _parts(address)[2] or "/"


def origin_of(address: str) -> str:
    """Where pages of an address come from, and where redirects lead: without its path."""
    scheme, authority, _path = _parts(address)
    return f"{scheme.replace('ws', 'http')}://{authority}"


def _parts(address: str) -> tuple[str, str, str]:
    """Scheme, host with its port, and path of an address that was checked, or of an empty text."""
    scheme, _sign, rest = address.partition("://")
    authority, slash, path = rest.partition("/")
    return scheme, authority.lower(), slash + path
