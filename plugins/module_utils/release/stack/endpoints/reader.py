# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the endpoints of a stack, with every problem at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from ...env.matrix import Key
from ...errors import Problem
from ...util.fields import Fields, shown
from .model import MOMENTS, Cors, Endpoint, Moment, WebSocket
from .rules import HEADER, read_rule
from .steps import METHODS, PATH, Known, read_request_headers, read_step

NAME = r"[A-Za-z0-9]([A-Za-z0-9 ._/:()+,'-]{0,98}[A-Za-z0-9.)])?"
HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
ORIGIN = r"[a-z][a-z0-9+.-]*://[A-Za-z0-9.-]+(:[0-9]{1,5})?"


class Side(NamedTuple):
    """What endpoints need to know of an environment."""

    tls: bool
    origins: tuple[str, ...] = ()


_KINDS = ("steps", "cors", "websocket")


def read_endpoints(
    fields: Fields, environments: Mapping[str, Side], matrix: Mapping[str, Key], problems: list[Problem]
) -> tuple[Endpoint, ...]:
    """The endpoints of a stack, from its key `endpoints`. `environments` are those that it has. Notes every problem."""
    found = []
    names: set[str] = set()
    for number, data in enumerate(fields.items("endpoints")):
        endpoint = _read(data, f"{fields.where}.endpoints[{number}]", environments, matrix, problems)
        if endpoint.name and endpoint.name in names:
            problems.append(Problem(f"{endpoint.name!r} is the name of another endpoint", endpoint.where, "rename it"))
        names.add(endpoint.name)
        found.append(endpoint)
    return tuple(found)


def _read(
    data: Any, where: str, sides: Mapping[str, Side], matrix: Mapping[str, Key], problems: list[Problem]
) -> Endpoint:
    fields = Fields(data, where, problems)
    has_tls = {name: side.tls for name, side in sides.items()}
    name = fields.text("name", pattern=NAME, required=True, hint="a short name, for example health")
    chosen = _read_environments(fields, has_tls)
    all_tls = all(has_tls[one] for one in chosen)
    scheme = fields.choice("scheme", "", ("http", "https")) if fields.value("scheme") is not None else ""
    if scheme == "https" and not all_tls:
        fields.note("scheme", "is https, and not every environment has TLS", "give it `tls`, or set `environments`")
    known = Known(matrix, chosen)
    kinds = [kind for kind in _KINDS if fields.value(kind) is not None]
    if len(kinds) > 1:
        fields.note("", f"is two things: {' and '.join(kinds)}", "make each an endpoint of its own")
    can_be_tls = all_tls and scheme != "http"
    endpoint = Endpoint(
        name=name,
        where=where,
        hosts=_read_hosts(fields, chosen),
        scheme=scheme,
        when=_read_moments(fields),
        written=fields.data,
        steps=_read_steps(fields, name, known, problems, has_tls=can_be_tls, single=not kinds),
        cors=_read_cors(fields.value("cors"), f"{where}.cors", [sides[one] for one in chosen], problems)
        if "cors" in kinds
        else None,
        websocket=_read_websocket(fields.value("websocket"), f"{where}.websocket", known, problems)
        if "websocket" in kinds
        else None,
        is_flow="steps" in kinds,
    )
    fields.no_others()
    return endpoint


def _read_environments(fields: Fields, known: Collection[str]) -> tuple[str, ...]:
    if fields.value("environments") is None:
        return tuple(known)
    named = fields.texts("environments")
    for name in named:
        if name not in known:
            fields.note("environments", f"{shown(name)} is not an environment", "choose from " + ", ".join(known))
    if not named:
        fields.note("environments", "is empty", "leave it out to mean all, or remove the endpoint")
    return tuple(name for name in known if name in named)


def _read_hosts(fields: Fields, chosen: Collection[str]) -> dict[str, str]:
    value = fields.value("host", "")
    if not isinstance(value, dict):
        host = fields.text("host", pattern=HOST, hint="a host name, or one for each environment")
        return dict.fromkeys(chosen, host)
    hosts = Fields(value, f"{fields.where}.host", fields.problems)
    found = {name: hosts.text(name, pattern=HOST, required=True, hint="a host name") for name in chosen}
    hosts.no_others()
    return found


def _read_moments(fields: Fields) -> tuple[Moment, ...]:
    if fields.value("when") is None:
        return MOMENTS
    named = fields.texts("when")
    for name in named:
        if name not in MOMENTS:
            fields.note("when", f"{shown(name)} is no moment", "choose from " + ", ".join(MOMENTS))
    if not named:
        fields.note("when", "is empty", "leave it out to mean always; [verify] is asked by verify alone")
    return tuple(name for name in MOMENTS if name in named)


def _read_steps(
    fields: Fields, name: str, known: Known, problems: list[Problem], *, has_tls: bool, single: bool
) -> tuple[Any, ...]:
    if single:
        step = read_step(fields, name, known, problems, has_tls=has_tls)
        if step.capture:
            fields.note("capture", "is of no use without a later step", "write `steps`")
        return (step,)
    steps = []
    for number, data in enumerate(fields.items("steps")):
        inner = Fields(data, f"{fields.where}.steps[{number}]", problems)
        title = inner.text("name", f"step {number + 1}", pattern=NAME, hint="a short name")
        steps.append(read_step(inner, title, known, problems, has_tls=has_tls))
        inner.no_others()
    if fields.value("steps") is not None and not steps:
        fields.note("steps", "is empty", "give at least one request, for example [{path: /}]")
    return tuple(steps)


def _read_cors(data: Any, where: str, sides: Sequence[Side], problems: list[Problem]) -> Cors:
    fields = Fields(data, where, problems)
    cors = Cors(
        path=fields.text("path", "/", pattern=PATH, hint="a path such as /api/v1/me"),
        allowed=fields.texts("allowed"),
        refused=fields.texts("refused"),
        methods=tuple(dict.fromkeys(fields.texts("methods"))) or ("GET",),
        headers=fields.texts("headers"),
        credentials=fields.boolean("credentials", False),
    )
    fields.no_others()
    for key in ("allowed", "refused"):
        for origin in getattr(cors, key):
            if not re.fullmatch(ORIGIN, origin) and not (origin == "null" or (key == "allowed" and origin == "*")):
                fix = "scheme and host, and the port if it is not the usual one, for example https://www.shop.example"
                fields.note(key, f"{shown(origin)} is not an origin", fix)
    for origin in cors.refused:
        if origin in cors.allowed:
            fields.note("refused", f"{shown(origin)} is allowed, too", "remove it from one of them")
    if not cors.allowed and not cors.refused and not all(side.origins for side in sides):
        fields.note("", "names no origin", "give `allowed`, `refused`, or both, or the environments `origins`")
    if "*" in cors.allowed and (cors.credentials or not cors.is_public or cors.refused):
        fields.note("allowed", "is *, so no origin is refused and none may send credentials", "name the origins")
    for method in cors.methods:
        if method not in METHODS:
            fields.note("methods", f"{shown(method)} is not a method", "choose from " + ", ".join(METHODS))
    for header in cors.headers:
        if not re.fullmatch(HEADER, header):
            fields.note("headers", f"{shown(header)} is not a name of a header", "for example authorization")
    return cors


def _read_websocket(data: Any, where: str, known: Known, problems: list[Problem]) -> WebSocket:
    fields = Fields(data, where, problems)
    path = fields.text("path", "/", pattern=PATH, hint="a path such as /socket")
    known.check(path, f"{where}.path", problems, is_path=True)
    send = fields.text("send")
    answer = fields.value("answer")
    socket = WebSocket(
        path=path,
        send=send,
        # An echo, unless something else is said.
        answer=read_rule(send if answer is None else answer, f"{where}.answer", problems, text=True),
        skip=fields.integer("skip", 0, 0, 20),
        headers=read_request_headers(fields, known, problems),
    )
    fields.no_others()
    if answer is not None and not send:
        fields.note("answer", "is expected, and nothing is sent", "add `send`")
    return socket
