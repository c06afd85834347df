# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance: what is closed for visitors, until when, and for whom it stays open."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from ..util.fields import Fields, shown

Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"
#: An app and a path, both of which may be empty.
Place: TypeAlias = "tuple[str, str]"

NETWORK_FIX = "for example 203.0.113.7, 203.0.113.0/24 or 2001:db8::/48"


@dataclass(frozen=True)
class Maintenance:
    """One part of an environment that is closed: all of it, an app, or a path with what is below it."""

    #: Seconds since the epoch.
    until: int
    #: Empty for every app, and for every path.
    app: str = ""
    route: str = ""
    #: Networks whose visitors get through.
    allow: tuple[str, ...] = ()
    person: str = ""
    reason: str = ""
    #: When it was begun or last changed, in UTC.
    at: str = ""

    @property
    def place(self) -> Place:
        return self.app, self.route

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, data: Any) -> Maintenance:
        """As a record has it. Raises ValueError if this is none."""
        try:
            texts = {key: data[key] for key in ("app", "route", "person", "reason", "at")}
            until, allow = data["until"], tuple(str(network(text)) for text in data["allow"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error
        if isinstance(until, bool) or not isinstance(until, int) or not all(isinstance(t, str) for t in texts.values()):
            raise ValueError("a value has another type")
        return cls(until=until, allow=allow, **texts)


def network(text: object) -> Network:
    """A network, or one address. Raises ValueError with what is wrong."""
    if not isinstance(text, str):
        raise ValueError(f"{shown(text)} is no address and no network")
    try:
        found = ipaddress.ip_network(text, strict=True)
    except ValueError as error:
        raise ValueError(f"{shown(text)} is no address and no network: {error}") from error
    if found.prefixlen == 0:
        raise ValueError(f"{shown(text)} is everybody, so nothing would be closed")
    return found


def trouble_with(text: str) -> str:
    """Why this is no network to let through; empty if it is one."""
    try:
        network(text)
    except ValueError as error:
        return str(error)
    return ""


def read_allow(data: Any, where: str, fields: Fields) -> tuple[str, ...]:
    """The key `maintenance` of a stack: networks that every maintenance lets through."""
    if data is None:
        return ()
    inner = Fields(data, where, fields.problems)
    given = inner.texts("allow")
    for why in filter(None, map(trouble_with, given)):
        inner.note("allow", why, NETWORK_FIX)
    inner.no_others()
    return given


def router_key(app: str, route: str) -> str:
    """Where the router looks a maintenance up: `/`, `/<app>/` or `/<app>/<path>/`, the longest first."""
    return f"/{app}{route.lower().rstrip('/')}/" if app else "/"


def meet(one: str, other: str) -> bool:
    """Whether one path is the other, or below it."""
    return "/" in (one, other) or f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def router_maps(
    found: Sequence[Maintenance], apps: Mapping[str, Sequence[str]]
) -> tuple[dict[str, str], dict[str, str]]:
    """What the router's two maps hold: for each part that is closed `<until>/<its bit>`, and for each network the sum
    of the bits of those that let it through. `apps` are the web apps with the paths of their routes: a path of no app
    in particular is closed in each that may get it. What is closed within something that is closed longer stays closed
    as long."""
    bits = {one.place: 1 << number for number, one in enumerate(found)}
    by_key = _by_key(found, apps)
    closed = {
        key: f"{max(other.until for place, other in by_key.items() if key.startswith(place))}/{bits[one.place]}"
        for key, one in by_key.items()
    }
    # Of each app of which a path is closed, those paths that are not spelled as they are meant: what an app makes of
    # them is not known, so they are closed as long as any of its paths is.
    for key, one in sorted(by_key.items(), key=lambda item: item[1].until):
        if key.count("/") > 2:
            closed[f"/{key.split('/')[1]}:"] = f"{one.until}/{bits[one.place]}"
    networks = {one.place: [network(text) for text in one.allow] for one in found}
    let_through = {str(net): _bits_of(net, networks, bits) for nets in networks.values() for net in nets}
    return closed, {net: str(value) for net, value in let_through.items()}


def _by_key(found: Iterable[Maintenance], apps: Mapping[str, Sequence[str]]) -> dict[str, Maintenance]:
    result: dict[str, Maintenance] = {}
    for one in found:
        if one.app or not one.route:
            result[router_key(one.app, one.route)] = one
        else:
            mine = [app for app, paths in apps.items() if any(meet(path, one.route) for path in paths)]
            # What was said of one app goes before what was said of all.
            result = {router_key(app, one.route): one for app in mine} | result
    return result


def _bits_of(net: Network, networks: Mapping[Place, list[Network]], bits: Mapping[Place, int]) -> int:
    """The router takes the smallest network that an address is in, so each has what those around it have, too."""
    return sum(bits[place] for place, nets in networks.items() if any(_is_within(net, other) for other in nets))


def _is_within(net: Network, other: Network) -> bool:
    if isinstance(net, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and net.subnet_of(other)
    return isinstance(other, ipaddress.IPv6Network) and net.subnet_of(other)
