# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the requests of an endpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from ...env.matrix import REFERENCE, Key
from ...errors import Problem
from ...util.fields import Fields, shown
from . import json_path
from .model import Capture, Step
from .rules import HEADER, read_expect

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
#: Of a request: printable ASCII, since anything else has to be encoded.
PATH = r"/[!-~]*"
CAPTURED = r"[a-z][a-z0-9_]*"
#: What the engine says of each request itself.
OWN_HEADERS = ("host", "connection", "content-length", "transfer-encoding", "upgrade", "expect", "te", "trailer")


class Known:
    """What the texts of a request may name: keys of the matrix, and what earlier steps captured."""

    def __init__(self, matrix: Mapping[str, Key], environments: Collection[str]) -> None:
        self.matrix = matrix
        self.environments = environments
        self.captured: set[str] = set()

    def check(self, text: str, where: str, problems: list[Problem], *, is_path: bool = False) -> None:
        """Note each name in a text that stands for nothing."""
        for name in dict.fromkeys(REFERENCE.findall(text)):
            key = self.matrix.get(name)
            if name in self.captured:
                continue
            if key is None:
                what = f"names {name}, which no earlier step captures and which is no key of the env matrix"
                problems.append(Problem(what, where, f"capture it before, or add {name} to `env_matrix`"))
            elif lacking := [one for one in self.environments if not key.is_for(one)]:
                what = f"names {name}, which has no value in {', '.join(lacking)}"
                problems.append(Problem(what, where, "add it there, or set the `environments` of the endpoint"))
            elif is_path and key.is_secret:
                what = f"names the secret {name}, and paths stand in the logs of the edge"
                problems.append(Problem(what, where, "send it as a header or in the body"))


def read_step(fields: Fields, name: str, known: Known, problems: list[Problem], *, has_tls: bool) -> Step:
    """The request of a mapping; whoever calls it looks for keys that are not known."""
    where = fields.where
    path = fields.text("path", "/", pattern=PATH, hint="a path such as /api/v1/health, other characters encoded as %20")
    known.check(path, f"{where}.path", problems, is_path=True)
    body = fields.text("body")
    known.check(body, f"{where}.body", problems)
    has_json = "json" in fields.data
    fields.seen.add("json")
    sent = fields.data.get("json")
    if has_json:
        _check_json(sent, f"{where}.json", known, problems)
    if has_json and body:
        fields.note("json", "does not go with `body`", "choose one of them")
    method = fields.choice("method", "POST" if has_json or body else "GET", METHODS)
    headers = read_request_headers(fields, known, problems)
    expect = read_expect(fields.value("expect"), f"{where}.expect", problems, has_tls=has_tls)
    if method == "HEAD" and expect.needs_body:
        fields.note("method", "is HEAD, whose answers have no body to expect anything of", "use GET")
    step = Step(
        name=name,
        path=path,
        method=method,
        headers=headers,
        body=body,
        json=(sent,) if has_json else (),
        expect=expect,
        capture=_read_captures(fields, problems),
    )
    known.captured |= step.capture.keys()
    return step


def read_request_headers(fields: Fields, known: Known, problems: list[Problem]) -> dict[str, str]:
    headers = fields.values("headers")
    for name, value in headers.items():
        where = f"{fields.where}.headers.{name}"
        if not re.fullmatch(HEADER, name):
            problems.append(Problem(f"{shown(name)} is not a name of a header", where, "for example Authorization"))
        elif name.lower() in OWN_HEADERS:
            fix = "use `host` of the endpoint" if name.lower() == "host" else "remove it"
            problems.append(Problem("is set by the engine itself", where, fix))
        elif not value.isprintable() or not value.isascii():
            problems.append(Problem("has characters that no header has", where, "write it in ASCII, on one line"))
        known.check(value, where, problems)
    return headers


def _check_json(value: Any, where: str, known: Known, problems: list[Problem]) -> None:
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        problems.append(Problem("is no value that JSON has", where, "write dates and the like in quotes"))
        return
    known.check(text, where, problems)


def _read_captures(fields: Fields, problems: list[Problem]) -> dict[str, Capture]:
    found = {}
    for name, data in fields.mapping("capture").items():
        inner = Fields(data, f"{fields.where}.capture.{name}", problems)
        if not re.fullmatch(CAPTURED, name):
            inner.note("", f"{shown(name)} is not a name for what is captured", "lower-case letters, digits and _")
        capture = Capture(json=inner.text("json"), header=inner.text("header", pattern=HEADER))
        inner.no_others()
        if bool(capture.json) == bool(capture.header):
            inner.note("", "captures nothing, or two things", "for example {json: token} or {header: location}")
        elif capture.json:
            try:
                json_path.parts_of(capture.json)
            except ValueError:
                inner.note("json", f"{shown(capture.json)} is not a path into JSON", "for example data.token")
        found[name] = capture
    return found
