# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging addresses: canonical, allowed, dead or unknown, and what belongs in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

from ...env.own_values import LOOPBACK
from ...stack.drift import Drift, host_of, matching
from ...stack.edge_view import routes_in
from ...stack.model import ENVIRONMENTS, Stack
from ...util.addresses import without_credentials
from ...util.texts import words
from .addresses import Address, Finder
from .matrix import Inventory

#: What names a format, and what containers and emulators call the machine itself.
NO_ADDRESSES = words(
    """
    www.w3.org schemas.android.com schemas.xmlsoap.org schemas.microsoft.com schemas.openxmlformats.org
    json-schema.org json.schemastore.org schema.org purl.org host.docker.internal gateway.docker.internal
    """
)
Kind = Literal["canonical", "allowed", "dead", "unknown"]
ALLOW = "or say in `drift.allowed` or the baseline why it stays"


class Verdict(NamedTuple):
    """What is wrong with an address."""

    code: str
    name: str
    shown: str
    what: str
    #: The variable that it is given to, if any.
    key: str


class Hosts:
    """What a stack knows of hosts."""

    def __init__(self, stack: Stack, drift: Drift, inventory: Inventory) -> None:
        self._inventory, self._dead = inventory, drift.dead
        every = [stack.environments[name] for name in ENVIRONMENTS]
        hosts = [name for one in every for name in one.hosts]
        hosts += [host for one in every for _app, route, host in routes_in(stack, one) if host and not route.until]
        hosts += [host_of(address) for one in every for address in one.canonical.values()]
        self._canonical = {name.lower() for name in (*hosts, *map(host_of, drift.canonical))}
        #: Earlier names that still answer, each with what it was.
        self._former = {
            host.lower(): f"is there until {route.until}"
            for one in every
            for _app, route, host in routes_in(stack, one)
            if host and route.until
        } | {
            host: f"leads to {one.canonical[former.to]}" + (f" until {former.until}" if former.until else "")
            for one in every
            for host, former in one.redirects.items()
        }
        #: What to use in place of another: of production, for that is what clients of a source have to reach.
        production = stack.environments["production"].main_host
        self._use = [*drift.canonical, *stack.environments["production"].canonical.values()]
        if production and "*" not in production and not stack.environments["production"].canonical:
            self._use.append(f"https://{production}")
        self._allowed = {*drift.allowed, host_of(stack.source.rpartition("@")[2]) if stack.source else ""}
        self._kinds: dict[str, Kind] = {}
        self.finder = Finder({*self._canonical, *self._former, *drift.dead})

    def judge(self, address: Address, key: Callable[[], str]) -> Verdict | None:
        """None for one that may stand there. `key` tells the variable that it is given to, if any."""
        host = address.host.rstrip(".")
        if host not in self._kinds:
            self._kinds[host] = self._kind_of(host)
        kind = self._kinds[host]
        if kind == "allowed" or (kind == "canonical" and not self._inventory.values):
            return None
        shown, name = without_credentials(address.shown), key()
        if kind == "dead":
            return Verdict("dead host", host, shown, f"is dead: {self._dead[matching(host, self._dead)]}", name)
        if kind == "unknown":
            former = f"is an earlier name: it {self._former[host]}" if host in self._former else ""
            return Verdict("unknown host", host, shown, former or "is neither canonical nor allowed", name)
        wanted = self._inventory.values.get(name, ())
        if not wanted or "://" not in shown or _same(shown, wanted):
            return None
        return Verdict("other value", name, shown, f"is another value than the inventory gives {name}", name)

    def right(self, verdict: Verdict) -> str:
        """What belongs in the place of an address."""
        best = list(self._inventory.values.get(verdict.key, ()))
        if not best and self._use:
            score = {address: _likeness(verdict.shown, address) for address in self._use}
            best = [address for address in self._use if score[address] == max(score.values())][:3]
        return (f"use {' or '.join(best)}; " if best else "") + ALLOW

    def _kind_of(self, host: str) -> Kind:
        if matching(host, self._dead):
            return "dead"
        if matching(host, self._canonical):
            return "canonical"
        free = LOOPBACK.fullmatch(host) or host in NO_ADDRESSES or matching(host, self._allowed)
        return "allowed" if free else "unknown"


def _same(shown: str, wanted: Iterable[str]) -> bool:
    return shown.rstrip("/").lower() in {value.rstrip("/").lower() for value in wanted}


def _likeness(shown: str, address: str) -> tuple[bool, int, int]:
    """Of the same protocol, with the same words in the host, with the same path: in this order."""
    scheme, _sign, rest = shown.rpartition("://")
    known, _known_sign, other = address.rpartition("://")
    words = set(rest.partition("/")[0].split(".")) & set(other.partition("/")[0].split("."))
    paths = zip(rest.split("/")[1:], other.split("/")[1:], strict=False)
    return (scheme[:2] == known[:2], sum(1 for one, two in paths if one == two), len(words))
