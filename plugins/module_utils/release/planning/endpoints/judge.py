# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an answer is what was promised. Any answer gets a verdict, and every miss is told."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable
from typing import TypeAlias

from ...releases.endpoints import BODY_LIMIT, Asked, Came, Miss
from ...stack.endpoints.model import Certified, Expect, Redirect, WebSocket
from .values import judge_json, judge_text

#: Whether a pattern is found in a text; None if that could not be said in time.
Search: TypeAlias = Callable[[str, str], "bool | None"]

#: Statuses by which a server says that there is nothing of this name or path.
GONE = (404, 410)
#: The edge's answer to a name that no site of the host has.
NO_SITE = 421


def search(pattern: str, text: str) -> bool | None:
    """As `re` does it, for as long as it takes."""
    return re.search(pattern, text) is not None


def judge(expect: Expect, asked: Asked, came: Came, where: str, now: float, find: Search = search) -> list[Miss]:
    """Everything that was promised of this answer and does not hold. `where` is the place of the endpoint or step."""
    place = f"{where}.expect"
    if expect.gone:
        return _gone(came, place)
    if came.silence:
        return [Miss(place, _wanted_status(expect), f"no answer: {came.trouble or came.silence}")]
    misses = _status(expect, came, place)
    if expect.redirect:
        misses += _redirect(expect.redirect, asked, came, f"{place}.redirect")
    for name, rule in expect.headers.items():
        misses += judge_text(rule, came.header(name), f"{place}.headers.{name}", find)
    if expect.needs_body and came.is_cut:
        misses.append(Miss(place, f"a body of at most {BODY_LIMIT} bytes", "a longer one, which is not read"))
    elif expect.needs_body and came.trouble:
        misses.append(Miss(place, "a whole body", came.trouble))
    else:
        if expect.body is not None:
            text = came.body.decode(errors="replace")
            misses += judge_text(expect.body, text, f"{place}.body", find)
        if expect.json:
            misses += judge_json(expect.json, came.body, f"{place}.json", find)
        if not expect.needs_body and came.trouble:
            misses.append(Miss(place, "a whole answer", came.trouble))
    if expect.within_ms and came.seconds * 1000 > expect.within_ms:
        misses.append(
            Miss(f"{place}.within_ms", f"within {expect.within_ms} ms", f"after {came.seconds * 1000:.0f} ms")
        )
    if expect.tls:
        misses += _certificate(expect.tls, asked, came, f"{place}.tls", now)
    return misses


def judge_websocket(socket: WebSocket, came: Came, where: str, find: Search = search) -> list[Miss]:
    place = f"{where}.websocket"
    if not came.is_open:
        said = f"no answer: {came.trouble or came.silence}" if came.silence else came.trouble or _status_of(came)
        return [Miss(place, "a WebSocket (status 101 and the right Sec-WebSocket-Accept)", said)]
    if not socket.send:
        return []
    if came.said is None:
        return [Miss(f"{place}.answer", "a message in answer to `send`", came.trouble or "none")]
    return judge_text(socket.answer, came.said, f"{place}.answer", find)


def _wanted_status(expect: Expect) -> str:
    if expect.redirect:
        return "a redirect (" + " or ".join(map(str, expect.redirect.code)) + ")"
    return "status " + (" or ".join(map(str, expect.status)) or "2xx")


def _status_of(came: Came) -> str:
    location = came.header("location")
    return f"status {came.status}" + (f" to {location}" if location is not None and 300 <= came.status <= 399 else "")


def _status(expect: Expect, came: Came, place: str) -> list[Miss]:
    if expect.redirect:
        good, place = came.status in expect.redirect.code, f"{place}.redirect.code"
    elif expect.status:
        good, place = came.status in expect.status, f"{place}.status"
    else:
        good = 200 <= came.status <= 299
    return [] if good else [Miss(place, _wanted_status(expect), _status_of(came))]


def _gone(came: Came, place: str) -> list[Miss]:
    if came.silence in ("refused", "unknown", "closed") or came.status in GONE:
        return []
    if came.status == NO_SITE and came.header("x-release") is None:
        return []
    said = f"no answer in time or no whole one: {came.trouble}" if came.silence else _status_of(came)
    return [Miss(f"{place}.gone", "404, 410, a refused connection or no such name", said)]


def _redirect(redirect: Redirect, asked: Asked, came: Came, place: str) -> list[Miss]:
    location = came.header("location")
    if location is None:
        return [Miss(f"{place}.to", redirect_target(redirect, asked), "no Location header")]
    here = asked.origin + asked.path
    try:
        found = _normal(urllib.parse.urljoin(here, location))
    except ValueError:
        return [Miss(f"{place}.to", redirect_target(redirect, asked), f"{location}, which is no address")]
    wanted = _normal(redirect_target(redirect, asked))
    misses = [] if found == wanted else [Miss(f"{place}.to", redirect_target(redirect, asked), location)]
    if found == _normal(here):
        misses.append(Miss(f"{place}.to", "another address than the one that was asked", f"{location}: a loop"))
    return misses


def redirect_target(redirect: Redirect, asked: Asked) -> str:
    """Where the request must be sent."""
    path, _mark, query = asked.path.partition("?")
    base = redirect.to if "://" in redirect.to else asked.origin + redirect.to
    target = base.rstrip("/") + path if "path" in redirect.keeps else base
    return f"{target}?{query}" if "query" in redirect.keeps and query else target


def _normal(address: str) -> tuple[str, str, int | None, str, str]:
    """An address so that two spellings of the same one are equal. Raises ValueError."""
    parts = urllib.parse.urlsplit(address)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port, parts.path or "/", parts.query


def _certificate(wanted: Certified, asked: Asked, came: Came, place: str, now: float) -> list[Miss]:
    found = came.certificate
    if found is None:
        return [Miss(place, "a certificate", "none that could be read")]
    if found.trouble:
        return [Miss(place, f"a certificate for {asked.certified or asked.host}", f"one that {found.trouble}")]
    days = (found.until - now) / 86400
    if days < wanted.days:
        return [Miss(f"{place}.days", f"valid for {wanted.days} days", f"{days:.1f} days")]
    return []
