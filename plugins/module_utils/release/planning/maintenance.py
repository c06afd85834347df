# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person asks of a maintenance: until when, where and for whom. Pure: the moment is an argument."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import Problem, RefusedError
from ..hints import option
from ..stack.maintenance import NETWORK_FIX, Maintenance, meet, network, trouble_with
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from .until import UNTIL_FIX, shown, until_of

#: The router has a bit for each.
MOST = 40
#: As visitors ask for it: without empty and dot segments, which the router compares with nothing.
_PATH = r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+/?|/"


@dataclass(frozen=True)
class Wish:
    """What was typed, unchecked."""

    state: str = ""
    environment: str = ""
    until: str = ""
    app: str = ""
    route: str = ""
    allow: tuple[str, ...] = ()


def environment_of(wish: Wish, problems: list[Problem]) -> EnvironmentName:
    known = next((name for name in ENVIRONMENTS if name == wish.environment), None)
    if known is None:
        what = f"{wish.environment!r} is not an environment" if wish.environment else "is not given"
        fix = option("where", "<which>") + ", with staging or production: it works at once"
        problems.append(Problem(what, "where", fix))
    return known or "staging"


def check(wish: Wish, stacks: Sequence[Stack], now: float, problems: list[Problem]) -> Maintenance:
    """What is asked for. `stacks` are the stack as it is today and as the live release defines it."""
    until = 0
    try:
        until = until_of(wish.until, now)
    except ValueError as error:
        problems.append(Problem(str(error), "until", UNTIL_FIX))
    problems += [Problem(why, "allow", NETWORK_FIX) for why in map(trouble_with, wish.allow) if why]
    check_place(wish, stacks, problems)
    given = (*stacks[0].maintenance_allow, *wish.allow)
    allow = dict.fromkeys(str(network(text)) for text in given if not trouble_with(text))
    return Maintenance(until=until, app=wish.app, route=wish.route.rstrip("/"), allow=tuple(allow))


def check_place(wish: Wish, stacks: Sequence[Stack], problems: list[Problem]) -> None:
    """Whether there is such an app, and whether any request can have such a path."""
    web = {app.name: app for stack in reversed(stacks) for app in stack.web_apps}
    if not web:
        problems.append(Problem("has no web apps, so nothing could be closed", f"stack {stacks[0].name}", ""))
        return
    if wish.app and wish.app not in web:
        problems.append(Problem(f"{wish.app!r} is no web app of the stack", "app", "choose from " + ", ".join(web)))
        return
    if not wish.route:
        return
    if not re.fullmatch(_PATH, wish.route):
        fix = "a path as visitors ask for it, for example /shop"
        problems.append(Problem(f"{wish.route!r} is no path", "route", fix))
        return
    mine = [web[wish.app]] if wish.app else list(web.values())
    paths = dict.fromkeys(route.path for app in mine for route in app.routes)
    if not any(meet(path, wish.route.rstrip("/") or "/") for path in paths):
        what = f"no app has {wish.route!r}, nor anything below it"
        problems.append(Problem(what, "route", "routes: " + ", ".join(paths)))


def lasting(found: Iterable[Maintenance], now: float) -> list[Maintenance]:
    """Those whose time is not over."""
    return [one for one in found if one.until > now]


def begun(found: Sequence[Maintenance], new: Maintenance) -> list[Maintenance]:
    """With this one, in place of one of the same part. Raises RefusedError if there are too many."""
    others = [one for one in found if one.place != new.place]
    if len(others) >= MOST:
        what = f"{len(others)} parts of it are closed already, no more are possible"
        raise RefusedError([Problem(what, "maintenance", "close an app, or all, instead of single paths")])
    return [*others, new]


def ended(found: Sequence[Maintenance], wish: Wish) -> list[Maintenance]:
    """Without what is to end: all, or the one part that was named. Raises RefusedError if that is not closed."""
    place = (wish.app, wish.route.rstrip("/"))
    if place == ("", ""):
        return []
    left = [one for one in found if one.place != place]
    if len(left) == len(found):
        there = "closed is " + "; ".join(part(one) for one in found) if found else "nothing is closed there"
        what = f"{part(Maintenance(0, *place))} is not in maintenance by itself"
        raise RefusedError([Problem(what, "app, route", there)])
    return left


def part(one: Maintenance) -> str:
    if not one.app:
        return f"every app below {one.route}" if one.route else "everything"
    return f"{one.app} below {one.route}" if one.route else one.app


def line(environment: str, one: Maintenance) -> str:
    """A maintenance for people, as status and reports have it."""
    allow = f", except for {', '.join(one.allow)}" if one.allow else ""
    by = f", by {one.person}" if one.person else ""
    why = f": {one.reason}" if one.reason else ""
    return f"{environment} is in maintenance until {shown(one.until)} ({part(one)}{allow}){by}{why}"


def is_same(one: Maintenance, other: Maintenance) -> bool:
    """Whether visitors could not tell them apart."""
    return replace(one, person="", reason="", at="") == replace(other, person="", reason="", at="")
