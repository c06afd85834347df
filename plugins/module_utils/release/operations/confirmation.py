# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a release is live for its visitors: every route of it is asked through the edge."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..errors import OperationError
from ..hints import host_command
from ..ports import Host
from ..releases.plan import Plan
from ..releases.runtime import Answer, ProbeTarget
from ..stack.canonical import moment_of
from ..stack.edge_view import routes_in
from ..stack.model import App, Environment, Route, Stack, check_path, stripped
from ..util.concurrency import concurrently
from .health import Look

#: How long the edge may take until every route is answered by the new release.
CONFIRM_SECONDS = 10.0
RETRY_SECONDS = 0.3


class _Answered(NamedTuple):
    """One check through the edge: whose route it is, what was asked, and what came back."""

    app: str
    target: ProbeTarget
    answer: Answer


class Confirmation:
    """Of the release that a plan brings live. `day` is the stack as that release defines it, `current` as it is today.
    `look` returns the release's containers; it is asked only when something is wrong."""

    def __init__(self, host: Host, current: Stack, day: Stack, plan: Plan, look: Look) -> None:
        self.host, self.current, self.stack, self.plan = host, current, day, plan
        self._containers = look

    def wait(self) -> None:
        """Every route, on every public port, must be answered by this release. Raises OperationError if one is not
        in time, with the end of its app's log."""
        checks = self._checks()
        deadline = self.host.clock.monotonic() + CONFIRM_SECONDS
        while failed := [check for check in self._ask(checks) if not self._is_right(check.answer)]:
            if self.host.clock.monotonic() > deadline:
                raise self._unconfirmed(failed, len(checks))
            self.host.clock.wait(RETRY_SECONDS)

    def _checks(self) -> list[tuple[str, ProbeTarget]]:
        """The name of an app and what must be answered by it."""
        # Hosts and ports are the release's, as its routes have them; TLS follows today's settings.
        environment = self.stack.environments[self.plan.environment]
        listeners = dataclasses.replace(environment, tls=self.current.environments[self.plan.environment].tls).listeners
        host = environment.main_host or "localhost"
        site = f"{self.plan.stack}-{self.plan.environment}"
        return [
            (app.name, ProbeTarget(port, its or host, check_path(app, route), tls, site, stripped(route)))
            for app, route, its in self._routes(environment)
            for port, tls in listeners
        ]

    def _routes(self, environment: Environment) -> Iterator[tuple[App, Route, str]]:
        """Those that will still be there when they have been asked."""
        names, soon = set(self.plan.release.in_slot), self.host.clock.now() + 2 * CONFIRM_SECONDS
        for app, route, host in routes_in(self.stack, environment):
            if app.name in names and not (route.until and moment_of(route.until) <= soon):
                yield app, route, host

    def _ask(self, checks: Sequence[tuple[str, ProbeTarget]]) -> list[_Answered]:
        def ask(check: tuple[str, ProbeTarget]) -> _Answered:
            app, target = check
            return _Answered(app, target, self.host.probe.edge(target))

        return concurrently(ask, checks)

    def _is_right(self, answer: Answer) -> bool:
        # A route that a feature flag has closed stays closed, and is no fault of the release.
        return 0 < answer.status < (600 if answer.flag else 500) and answer.release == self.plan.release.id

    def _unconfirmed(self, failed: Sequence[_Answered], number: int) -> OperationError:
        """What is said of checks that failed: how many, and all about the first."""
        app, asked, answer = failed[0]
        url = f"{'https' if asked.tls else 'http'}://{asked.host}:{asked.port}{asked.path}"
        named = f"release {answer.release or 'none'}" if answer.status else "no release"
        container = next((c for c in self._containers() if c.app == app), None)
        return OperationError(
            f"{len(failed)} of {number} checks through the edge failed",
            url,
            f"{answer}; it names {named}, expected {self.plan.release.id}",
            host_command(f"curl -ik --resolve '{asked.host}:{asked.port}:127.0.0.1' {url}")
            if asked.tls
            else host_command(f"curl -i -H 'Host: {asked.host}' http://127.0.0.1:{asked.port}{asked.path}"),
            log=self.host.docker.logs(container, 20) if container else [],
        )
