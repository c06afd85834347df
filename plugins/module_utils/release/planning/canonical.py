# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that are there for a while: which end soon, which have ended, and what that means for a promote.

The edge ends each at its moment by itself. Nothing here touches it: people are told to take out what is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..hints import hint
from ..stack.canonical import moment_of
from ..stack.edge_view import routes_in
from ..stack.model import ENVIRONMENTS, Environment, EnvironmentName, Stack
from .gates import Gate

DAY = 86400
#: So many days before its end an address is told of.
SOON_DAYS = 14
GATE = "old_addresses"


@dataclass(frozen=True)
class Ending:
    """An address with an end."""

    environment: EnvironmentName
    #: As visitors know it, and where the inventory says so.
    address: str
    where: str
    until: str
    moment: int

    def ended(self, now: float) -> bool:
        return now >= self.moment

    def told(self, now: float) -> str:
        """For people; empty as long as the end is far."""
        left = self.moment - now
        if left > SOON_DAYS * DAY:
            return ""
        fix = f"remove it from {self.where}, or set a later `until`, then {hint('provision')}"
        if left <= 0:
            return f"{self.environment}: {self.address} has ended ({self.until}), and answers 410. Fix: {fix}"
        days = f"{left / DAY:.0f} days" if left >= 2 * DAY else f"{left / 3600:.0f} hours"
        return f"{self.environment}: {self.address} ends in {days} ({self.until}); whoever still uses it gets 410 then"


def endings(stack: Stack, environment: Environment) -> Iterator[Ending]:
    """Every address of an environment that has an end, as the stack declares it."""
    own = environment.main_host or "any host name"
    for app, route, host in routes_in(stack, environment):
        if route.until:
            where = f"apps.{app.name}.routes[{app.routes.index(route)}]"
            yield Ending(environment.name, f"{host or own}{route.path}", where, route.until, moment_of(route.until))
    for host, former in environment.redirects.items():
        if former.until:
            where = f"environments.{environment.name}.redirects.{host}"
            yield Ending(environment.name, host, where, former.until, moment_of(former.until))


def told(stack: Stack, now: float, *names: EnvironmentName) -> list[str]:
    """What is over, or soon will be, in these environments; in all if none is named."""
    every = [one for name in names or ENVIRONMENTS for one in endings(stack, stack.environments[name])]
    return [text for one in every if (text := one.told(now))]


def gate(stack: Stack, now: float, skip: tuple[str, ...] = ()) -> list[Gate]:
    """A promote does not bring what is over already. Nothing is asked of a stack without such addresses."""
    every = list(endings(stack, stack.environments["production"]))
    if not every:
        return []
    over = [one for one in every if one.ended(now)]
    if not over:
        return [Gate(GATE, True, f"{len(every)} addresses with an end, none has ended")]
    evidence = "; ".join(f"{one.address} has ended ({one.until})" for one in over)
    places = ", ".join(one.where for one in over)
    fix = f"remove what has ended ({places}), or set a later `until`, then {hint('provision')}"
    return [Gate(GATE, False, evidence, fix, GATE in skip)]
