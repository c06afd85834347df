# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that a browser makes for pages of other origins, and whether the answers let in whom they should."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

from ...releases.endpoints import Came, Miss
from ...stack.endpoints.model import Cors

#: An origin that nobody has.
FOREIGN = "https://onehost-foreign.invalid"


@dataclass(frozen=True)
class CorsCheck:
    """One request of a page: its origin, whether it is to be let in, and the method of a preflight (empty: none)."""

    origin: str
    is_allowed: bool
    preflight: str
    where: str

    @property
    def title(self) -> str:
        return f"{'allowed' if self.is_allowed else 'refused'} {self.origin}" + (
            f", preflight of {self.preflight}" if self.preflight else ""
        )


def checks(cors: Cors, where: str) -> Iterator[CorsCheck]:
    """Every allowed origin with every method; refused ones, and some that nobody has named, with the first."""
    for origin in cors.allowed:
        asked, place = FOREIGN if origin == "*" else origin, f"{where}.cors.allowed"
        yield CorsCheck(asked, True, "", place)
        for method in cors.methods:
            yield CorsCheck(asked, True, method, place)
    for origin in cors.refused:
        yield from _refused(cors, origin, f"{where}.cors.refused")
    for origin in () if cors.is_public else _foreign(cors):
        if origin not in (*cors.allowed, *cors.refused):
            yield from _refused(cors, origin, f"{where}.cors")


def _refused(cors: Cors, origin: str, where: str) -> Iterator[CorsCheck]:
    yield CorsCheck(origin, False, "", where)
    yield CorsCheck(origin, False, cors.methods[0], where)


def _foreign(cors: Cors) -> Iterator[str]:
    """Origins that a server lets in which sends back whatever it is sent, or compares only a beginning or an end."""
    yield FOREIGN
    yield "null"
    for origin in cors.allowed[:1]:
        parts = urllib.parse.urlsplit(origin)
        if parts.hostname:
            yield f"{parts.scheme}://{parts.hostname}.onehost-foreign.invalid"
            yield f"{parts.scheme}://onehost-foreign-{parts.netloc}"


def headers(cors: Cors, check: CorsCheck) -> dict[str, str]:
    """What a browser sends."""
    sent = {"Origin": check.origin}
    if check.preflight:
        sent["Access-Control-Request-Method"] = check.preflight
        if cors.headers:
            sent["Access-Control-Request-Headers"] = ",".join(sorted(name.lower() for name in cors.headers))
    return sent


def judge(cors: Cors, check: CorsCheck, came: Came) -> list[Miss]:
    """What a browser would make of the answer."""
    if came.silence:
        return [Miss(check.where, "an answer", f"none: {came.trouble or came.silence}")]
    origin = came.header("access-control-allow-origin")
    with_credentials = came.header("access-control-allow-credentials") == "true"
    misses = []
    if origin == "*" and with_credentials:
        misses.append(Miss(check.where, "no credentials for *", "Access-Control-Allow-Origin: * with credentials"))
    let_in = origin in ("*", check.origin)
    came_text = "no Access-Control-Allow-Origin" if origin is None else f"Access-Control-Allow-Origin: {origin}"
    if not check.is_allowed:
        if let_in:
            how = "" if origin == "*" else ", which was sent back to an origin that is not allowed"
            misses.append(Miss(check.where, f"{check.origin} refused", came_text + how))
        return misses
    if check.preflight and not 200 <= came.status <= 299:
        misses.append(Miss(check.where, "status 2xx of a preflight", f"status {came.status}"))
    if not let_in:
        misses.append(Miss(check.where, f"{check.origin} allowed", came_text))
        return misses
    return misses + _details(cors, check, came, origin, with_credentials)


def _details(cors: Cors, check: CorsCheck, came: Came, origin: str | None, with_credentials: bool) -> list[Miss]:
    misses = []
    place = check.where.removesuffix(".allowed")
    if cors.credentials and (origin == "*" or not with_credentials):
        said = f"Access-Control-Allow-Credentials: {came.header('access-control-allow-credentials') or 'absent'}"
        misses.append(Miss(f"{place}.credentials", "credentials allowed for this origin", said))
    if not cors.credentials and with_credentials:
        misses.append(Miss(f"{place}.credentials", "no credentials", "Access-Control-Allow-Credentials: true"))
    if not check.preflight:
        return misses
    methods = _listed(came, "access-control-allow-methods")
    # Browsers let these through, whatever the answer says of methods.
    simple = check.preflight in ("GET", "HEAD", "POST")
    if not simple and check.preflight.lower() not in methods and ("*" not in methods or cors.credentials):
        said = came.header("access-control-allow-methods") or "absent"
        misses.append(Miss(f"{place}.methods", f"{check.preflight} allowed", f"Access-Control-Allow-Methods: {said}"))
    known = _listed(came, "access-control-allow-headers")
    for name in cors.headers:
        # A * does not stand for this one, and with credentials for none.
        by_star = "*" in known and not cors.credentials and name.lower() != "authorization"
        if name.lower() not in known and not by_star:
            said = came.header("access-control-allow-headers") or "absent"
            misses.append(Miss(f"{place}.headers", f"{name} allowed", f"Access-Control-Allow-Headers: {said}"))
    return misses


def _listed(came: Came, name: str) -> set[str]:
    return {part.strip().lower() for part in (came.header(name) or "").split(",") if part.strip()}
