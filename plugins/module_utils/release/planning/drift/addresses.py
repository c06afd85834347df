# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses in texts of others. No text makes it slow: what is looked for are short fixed words, and what stands before
and after them is looked at only so far."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

#: What connects over a network. Others are names (`urn:`, an app's own links).
_SCHEMES = frozenset(
    b"http https ws wss ftp ftps sftp ssh git redis rediss postgres postgresql mysql mariadb mongodb amqp amqps mqtt "
    b"mqtts nats kafka smtp smtps imap imaps ldap ldaps grpc grpcs tcp udp rtmp rtmps stun turn".split()
)
#: Endings of host names that stand in quotes or as a value, without a scheme.
_ENDINGS = (
    b"com net org io app dev ai co me gg tv cloud site online store shop tech page link live info biz xyz contact kr "
    b"jp cn uk de fr eu us ca au in br nl se ch".split()
)
#: Names of packages and identifiers of apps begin with one (`com.shop.app`).
_REVERSED = frozenset(b"com net org io kr jp de uk co".split())

_HOST_BYTES = b"abcdefghijklmnopqrstuvwxyz0123456789.-_"
_SCHEME_BYTES = b"abcdefghijklmnopqrstuvwxyz0123456789+.-"
_REST = re.compile(
    rb"(?:[^\s/?#\"'<>@`\\]{0,256}@)?"
    rb"(?P<host>[a-z0-9\x80-\xff](?:[a-z0-9._\x80-\xff-]{0,251}[a-z0-9\x80-\xff])?)(?P<port>:[0-9]{1,5})?(?P<path>[/?#][^\s\"'<>`\\)\]}|]{0,200})?",
    re.IGNORECASE,
)
_TEMPLATE = b"$<{%"
#: Addresses that are names of formats: nobody asks them.
_FORMATS = re.compile(
    rb"(?:xmlns(?::[\w-]{1,40})?\s?=\s?|\"\$schema\"\s{0,8}:\s{0,8}|(?:PUBLIC|SYSTEM)\s[^<>]{0,80})[\"']$",
    re.IGNORECASE,
)
_QUOTES = b"\"'`"


#: Of one file. More is made to be slow, or data.
MOST_PLACES = 10_000


class Address(NamedTuple):
    """An address in a text, without users and passwords."""

    place: int
    host: str
    #: As it is written, from the scheme on, if there is one.
    shown: str


class Places:
    """How many places of a file are still looked at."""

    def __init__(self) -> None:
        self.left = MOST_PLACES

    def another(self) -> bool:
        self.left -= 1
        return self.left > 0


class Finder:
    """Finds addresses. `known` are the hosts that matter: names at the end of which are told wherever they stand."""

    def __init__(self, known: Collection[str]) -> None:
        self._known = {host.lower().removeprefix("*.") for host in known}
        #: All below the same domain is told too: `old.shop.example` beside `www.shop.example`.
        domains = {host.partition(".")[2] for host in self._known}
        self._related = self._known | {domain for domain in domains if "." in domain}
        endings = {*_ENDINGS, *(host.rpartition(".")[2].encode() for host in self._known)}
        self._bare = re.compile(rb"\.(?:" + b"|".join(map(re.escape, sorted(endings))) + rb")(?![a-z0-9_-]|\.[a-z0-9])")

    def find(self, data: bytes, low: bytes) -> tuple[list[Address], bool]:
        """Every address, in the order of places, and whether that is all. `low` are the same data in small letters."""
        urls, names = Places(), Places()
        found = sorted([*self._urls(data, low, urls), *self._names(low, names)])
        return found, urls.left > 0 and names.left > 0

    def _urls(self, data: bytes, low: bytes, places: Places) -> Iterator[Address]:
        place = low.find(b"://")
        while place >= 0 and places.another():
            before = low[max(0, place - 20) : place]
            scheme = before[len(before.rstrip(_SCHEME_BYTES)) :]
            rest = _REST.match(data, place + 3)
            if rest and _SCHEMES.intersection(scheme.split(b"+")[:1] + scheme.split(b"+")[1:]):
                after = data[rest.end("host") : rest.end("host") + 1]
                begin = place - len(scheme)
                is_whole = not (after and after in _TEMPLATE)
                if is_whole and b"." in rest["host"] and not _FORMATS.search(data, max(0, begin - 120), begin):
                    shown = scheme + b"://" + data[rest.start("host") : rest.end()]
                    yield Address(begin, _text(rest["host"].lower()), _text(shown).rstrip(".,;:"))
            place = low.find(b"://", place + 3)

    def _names(self, low: bytes, places: Places) -> Iterator[Address]:
        for found in self._bare.finditer(low):
            if not places.another():
                return
            window = low[max(0, found.start() - 253) : found.start()]
            head = window[len(window.rstrip(_HOST_BYTES)) :]
            begin = found.start() - len(head)
            before = low[max(0, begin - 3) : begin]
            host = (head + found[0]).lstrip(b".").strip(b"-_")
            if before == b"://" or before.endswith((b"@", b"}", b"%")) or not host or host.startswith(b"."):
                continue
            if _is_user_part(low, begin):
                continue
            name = _text(host)
            if self.is_related(name) or (_is_alone(low, begin, found.end(), before) and _is_likely(host)):
                yield Address(begin, name, name)

    def is_related(self, host: str) -> bool:
        """Whether a name is one of the known hosts', or beside or below one."""
        parts = host.split(".")
        return any(".".join(parts[number:]) in self._related for number in range(len(parts) - 1))


def _is_user_part(low: bytes, begin: int) -> bool:
    """Whether an address with a user leads to this place, so that it was found already."""
    before = low[max(0, begin - 260) : begin]
    at = before.rfind(b"://")
    return at >= 0 and not re.search(rb"[\s/\"'<>`]", before[at + 3 :])


def _is_alone(low: bytes, begin: int, end: int, before: bytes) -> bool:
    """Whether a name fills its quotes, begins without a scheme (`//cdn.shop.example`), or is a whole value."""
    last, after = before[-1:], low[end : end + 1]
    if before.endswith(b"//"):
        return True
    if last and last in _QUOTES:
        return bool(after) and (after in _QUOTES or after in b":/")
    # `KEY=host` and `key: host`, up to the end of the line.
    return (last == b"=" or before.endswith(b": ")) and (not after or after in b"\r\n:/ ")


def _is_likely(host: bytes) -> bool:
    """Whether a name that nobody knows is one of a host, and not of a package, a property or an app."""
    labels = host.split(b".")
    return len(labels) > 2 and labels[0] not in _REVERSED and b"" not in labels and b"_" not in host


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
