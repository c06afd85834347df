# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what must hold of an answer."""

from __future__ import annotations

import json
import re
from typing import Any

from ...errors import Problem
from ...util.fields import Fields, shown
from . import json_path, patterns
from .model import KEEPS, REDIRECTS, TYPES, Certified, Expect, Redirect, Rule

HEADER = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
LONGEST_MS = 60000
_STATUS_FIX = "write a number from 100 to 599, or a list of them"


def read_expect(data: Any, where: str, problems: list[Problem], *, has_tls: bool) -> Expect:
    fields = Fields({} if data is None else data, where, problems)
    gone = fields.boolean("gone", False)
    redirect = fields.value("redirect")
    tls = fields.value("tls")
    expect = Expect(
        status=read_statuses(fields, "status", ()),
        headers=read_headers(fields, problems),
        json=_read_json(fields, problems),
        body=None if (body := fields.value("body")) is None else read_rule(body, f"{where}.body", problems, text=True),
        within_ms=fields.integer("within_ms", 0, 1, LONGEST_MS),
        redirect=None if redirect is None else _read_redirect(redirect, f"{where}.redirect", problems),
        tls=None if tls is None else _read_tls(tls, f"{where}.tls", problems),
        gone=gone,
    )
    fields.no_others()
    if expect.redirect and expect.status:
        fields.note("status", "is said twice: a redirect has its `code`", "remove `status`")
    if gone and len([key for key in fields.data if fields.data[key] is not None]) > 1:
        fields.note("gone", "does not go with anything else that is expected", "remove `gone`, or all the others")
    if expect.tls and not has_tls:
        fix = "give the environment `tls`, or leave it out of the endpoint's `environments`"
        fields.note("tls", "needs an environment with TLS", fix)
    return expect


def read_statuses(fields: Fields, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
    value = fields.value(key)
    if value is None:
        return default
    listed = value if isinstance(value, list) else [value]
    good = [one for one in listed if isinstance(one, int) and not isinstance(one, bool) and 100 <= one <= 599]
    if len(good) != len(listed) or not listed:
        fields.note(key, f"{shown(value)} is not a status", _STATUS_FIX)
    return tuple(good)


def read_headers(fields: Fields, problems: list[Problem]) -> dict[str, Rule]:
    found = {}
    for name, data in fields.mapping("headers").items():
        where = f"{fields.where}.headers.{name}"
        if not re.fullmatch(HEADER, name):
            problems.append(Problem(f"{shown(name)} is not a name of a header", where, "for example content-type"))
        found[name] = read_rule(data, where, problems, text=True)
    return found


def _read_json(fields: Fields, problems: list[Problem]) -> dict[str, Rule]:
    found = {}
    for path, data in fields.mapping("json").items():
        where = f"{fields.where}.json.{path}"
        try:
            json_path.parts_of(path)
        except ValueError:
            fix = 'for example status, data.items[0].id, $ for all of it, or ["odd.key"]'
            problems.append(Problem(f"{shown(path)} is not a path into JSON", where, fix))
            continue
        found[path] = read_rule(data, where, problems, text=False)
    return found


def read_rule(data: Any, where: str, problems: list[Problem], *, text: bool) -> Rule:
    """A value that must be equal, or a mapping that says more. With `text` only texts are compared."""
    if data is None and not text:
        return Rule(equals=(None,))
    if not isinstance(data, dict):
        return Rule(equals=(_checked(data, where, problems, text=text),))
    fields = Fields(data, where, problems)
    has_value = "equals" in fields.data and (not text or fields.data["equals"] is not None)
    fields.seen.add("equals")
    pattern = fields.text("matches")
    rule = Rule(
        present=fields.boolean("present", True),
        equals=(_checked(fields.data["equals"], f"{where}.equals", problems, text=text),) if has_value else (),
        type="" if text or fields.value("type") is None else fields.choice("type", "", TYPES),
        matches=pattern,
    )
    fields.no_others()
    if pattern and (why := patterns.problem_of(pattern)):
        fields.note("matches", f"{shown(pattern)} {why}", "write a simpler pattern")
    if not fields.data:
        fields.note("", "expects nothing", "for example {present: true}, {equals: …} or {matches: …}")
    if not rule.present and (rule.equals or rule.type or rule.matches):
        fields.note("present", "is false, so nothing else can be expected of it", "remove the others")
    return rule


def _checked(value: Any, where: str, problems: list[Problem], *, text: bool) -> Any:
    if text and not isinstance(value, str):
        problems.append(Problem(f"must be text, not {shown(value)}", where, "write it in quotes"))
        return ""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        problems.append(Problem("is no value that JSON has", where, "write dates and the like in quotes"))
    return value


def _read_redirect(data: Any, where: str, problems: list[Problem]) -> Redirect:
    fields = Fields(data, where, problems)
    to = fields.text(
        "to",
        pattern=r"(https?://[A-Za-z0-9.:\[\]-]+)?(/[^\s\\]*)?",
        required=True,
        hint="an address such as https://api.example/v1, or a path such as /login",
    )
    keeps = fields.texts("keeps")
    for name in keeps:
        if name not in KEEPS:
            fields.note("keeps", f"{shown(name)} is nothing that a redirect keeps", "choose from " + ", ".join(KEEPS))
    redirect = Redirect(to=to, code=read_statuses(fields, "code", REDIRECTS), keeps=keeps)
    for code in redirect.code:
        if not 300 <= code <= 399:
            fields.note("code", f"{code} is no redirect", "for example 308, which keeps the method")
    if "?" in to and "query" in keeps:
        fields.note("to", "has a query of its own, and the request's is to be kept", "remove one of them")
    fields.no_others()
    return redirect


def _read_tls(data: Any, where: str, problems: list[Problem]) -> Certified:
    fields = Fields(data, where, problems)
    certified = Certified(
        days=fields.integer("days", 0, 0, 3650),
        name=fields.text("name", pattern=r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", hint="a host name"),
    )
    fields.no_others()
    return certified
