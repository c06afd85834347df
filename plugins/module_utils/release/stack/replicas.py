# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replicas: equal containers of one app in a slot.

The first has the name and the address of an app without replicas. Each further one has a name of its own in the slot's
Compose file, and the same port on a loopback address of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from ..errors import Problem
from .model import App, Stack

#: The router has a place for so many in each slot, without being provisioned again.
MOST_REPLICAS = 8
#: The kinds of apps of which there may be several at a time.
KINDS = ("web", "worker")
#: What a person writes for the stack's own number.
DEFAULT: Literal["default"] = "default"


def unit(app: str, number: int) -> str:
    """The name of a replica, as a service of Compose: no app's name has a dot."""
    return app if number == 1 else f"{app}.{number}"


def units(app: str, count: int) -> list[str]:
    return [unit(app, number) for number in range(1, count + 1)]


def address(number: int) -> str:
    """Where a replica has its port: all of 127.0.0.0/8 is the host's loopback, so none needs another port."""
    return f"127.0.0.{number}"


def problem(app: App) -> tuple[str, str]:
    """Why there cannot be several of an app, and what to do; empty texts if there can."""
    if app.is_replaced_in_place:
        return "never runs twice (`replace: stop_first`)", "let it have one, or use `replace: start_first`"
    if app.kind not in KINDS:
        return f"is a {app.kind}, which runs one at a time", "let it have one"
    return "", ""


def check(stack: Stack, where: str) -> Iterator[Problem]:
    for app in stack.apps.values():
        what, fix = problem(app) if app.replicas > 1 else ("", "")
        if what:
            yield Problem(f"{app.replicas} replicas of an app that {what}", f"{where}.apps.{app.name}.replicas", fix)


def containers(stack: Stack, counts: Mapping[str, int]) -> int:
    """How many containers of apps a slot has, with these numbers in place of the stack's own."""
    return sum(counts.get(app.name, app.replicas) for app in stack.apps.values())
