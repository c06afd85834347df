# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between an exchange with the app itself and the same through the edge, as one text for each difference.

A difference begins with who notices it, `app` or `client`. `+name` is a header that is there only through the edge,
`-name` one that is there only directly, `~name` one with another value.
"""

from __future__ import annotations

from collections.abc import Iterator

from support.shapes.shape import Shape
from support.shapes.wire import Message, Seen, answers, take_message

#: From what delay on something was held back.
LATE_SECONDS = 0.3
LATE = "client: late"


def text(raw: bytes) -> str:
    """Bytes in a difference: short, and printable."""
    shown = raw.decode("latin-1").encode("unicode_escape").decode()
    return shown if len(shown) <= 60 else f"{shown[:40]}… ({len(raw)} bytes)"


def _values(message: Message) -> dict[bytes, list[bytes]]:
    values: dict[bytes, list[bytes]] = {}
    for name, value in message.headers:
        values.setdefault(name.lower(), []).append(value)
    return values


def _headers(direct: Message, edge: Message) -> Iterator[str]:
    was, now = _values(direct), _values(edge)
    for name in sorted(was.keys() | now.keys()):
        one, other = b" | ".join(was.get(name, ())), b" | ".join(now.get(name, ()))
        if name not in was:
            yield f"+{text(name)}: {text(other)}"
        elif name not in now:
            yield f"-{text(name)}: {text(one)}"
        elif one != other:
            yield f"~{text(name)}: {text(one)} -> {text(other)}"
    both = was.keys() & now.keys()
    spelled = {name for name, _ in direct.headers if name.lower() in both}
    if spelled - {name for name, _ in edge.headers}:
        yield "case of names"
    if [n.lower() for n, _ in direct.headers if n.lower() in both] != [
        n.lower() for n, _ in edge.headers if n.lower() in both
    ]:
        yield "order of headers"


def _messages(direct: Message, edge: Message) -> Iterator[str]:
    if direct.start != edge.start:
        yield f"first line: {text(direct.start)} -> {text(edge.start)}"
        if edge.start.startswith(b"HTTP/") and direct.status != edge.status:
            # Another answer altogether.
            return
    yield from _headers(direct, edge)
    if direct.body != edge.body:
        yield f"body: {text(direct.body)} -> {text(edge.body)}"
    if direct.framing != edge.framing:
        yield f"framing: {direct.framing} -> {edge.framing}"
    if direct.trailers != edge.trailers:
        yield f"trailers: {text(direct.trailers)} -> {text(edge.trailers)}"


def _pairs(who: str, direct: list[Message], edge: list[Message]) -> Iterator[str]:
    for one, other in zip(direct, edge, strict=False):
        yield from (f"{who}: {difference}" for difference in _messages(one, other))
    for message in direct[len(edge) :]:
        yield f"{who}: never {text(message.start)}"
    for message in edge[len(direct) :]:
        yield f"{who}: also {text(message.start)}"


def _interim(direct: list[Message], edge: list[Message]) -> Iterator[str]:
    """Answers before the answer."""
    one, other = (b", ".join(it.start for it in messages) or b"none" for messages in (direct, edge))
    if one != other:
        yield f"client: interim: {text(one)} -> {text(other)}"
    for message, passed in zip(direct, edge, strict=False):
        yield from (f"client: interim: {difference}" for difference in _headers(message, passed))


def _requests(seen: Seen) -> list[Message]:
    taken = [take_message(raw, ended=True) for raw in seen.requests]
    return [message for message, _ in filter(None, taken)]


def differences(shape: Shape, direct: Seen, edge: Seen) -> list[str]:
    """All of them, each once, in order."""
    found = list(_pairs("app", _requests(direct), _requests(edge)))
    was, rest = answers(direct.got, shape.method, ended=True)
    now, more = answers(edge.got, shape.method, ended=True)
    found += _interim([it for it in was if it.interim], [it for it in now if it.interim])
    found += _pairs("client", [it for it in was if not it.interim], [it for it in now if not it.interim])
    if rest != more and rest[:2] + more[:2] != b"":
        found.append(f"client: then {text(rest)} -> {text(more)}")
    if edge.first_seconds - direct.first_seconds > LATE_SECONDS:
        found.append(LATE)
    return list(dict.fromkeys(found))
