# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a stack's endpoints: all at once, a flow step by step; and telling what does not hold."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..env.env_file import parse_env
from ..env.matrix_check import effective
from ..env.secret_forms import SHORTEST_REPLACED, Redactor
from ..planning.endpoints import cors, judge, requests
from ..planning.endpoints.requests import Site, UnfilledError
from ..ports import Host
from ..releases.endpoints import Asked, Came, Miss, Verdict
from ..releases.release import Live
from ..stack.endpoints.model import Cors, Endpoint, Moment, Step, WebSocket
from ..stack.model import EnvironmentName, Stack
from ..util.concurrency import TaskPool
from . import redaction

#: Of what came, in characters, once secrets are taken out of it.
LONGEST_CAME = 200
NOT_SHOWN = "(not shown, it could hold a value of this endpoint)"


@dataclass
class _Heard:
    """One request and what came, to be judged where time can be limited."""

    step: str
    request: str
    came: Came
    judged: Callable[[], list[Miss]]
    misses: list[Miss] = field(default_factory=list)


@dataclass(frozen=True)
class _Job:
    """Requests that follow each other. `values` learns what they capture."""

    endpoint: Endpoint
    run: Callable[[dict[str, str]], list[_Heard]]


class Endpoints:
    """The endpoints of one environment, as the release that is live there defines them."""

    def __init__(
        self, host: Host, stack: Stack, today: Stack, environment: EnvironmentName, live: Live, *, is_real: bool = False
    ) -> None:
        self.host = host
        self.stack = stack
        self.name = environment
        self.live = live
        # TLS follows today's settings, as the edge does; ports and hosts are the release's.
        tls = today.environments[environment].tls
        self.site = Site(stack, dataclasses.replace(stack.environments[environment], tls=tls), is_real)
        self.today = today

    @functools.cached_property
    def values(self) -> dict[str, str]:
        """What the containers of the release were given, for all keys of the matrix."""
        layers = {
            name: parse_env(data) for name, data in self.host.store.release_env(self.today, self.live.release).items()
        }
        found = effective(self.stack.env_matrix, layers, self.name).all
        for data in self.host.store.slot_files(self.today, self.name, self.live.slot).values():
            found.update(parse_env(data))
        return found

    @functools.cached_property
    def redact(self) -> Redactor:
        known = redaction.redactor(self.host, self.today)
        if self.stack.env_matrix:
            known.learn({name: [value] for name, value in self.values.items() if name in self.stack.secrets})
        return known

    def ask(self, moment: Moment, only: Sequence[str] = ()) -> list[Verdict]:
        """A verdict for each request. With `only`, of the endpoints of these names."""
        jobs = [
            job
            for endpoint in self.stack.endpoints
            if endpoint.is_for(self.name, moment) and (not only or endpoint.name in only)
            for job in self._jobs(endpoint)
        ]
        given = dict(self.values) if self.stack.env_matrix else {}
        captured = [dict(given) for _job in jobs]
        with TaskPool() as at_once:
            heard = at_once.all(lambda pair: pair[0].run(pair[1]), zip(jobs, captured, strict=True))
        verdicts = []
        for job, values, answers in zip(jobs, captured, heard, strict=True):
            new = {name: value for name, value in values.items() if given.get(name) != value}
            self.redact.learn({name: [value] for name, value in new.items()})
            secrets = {**new, **{name: given[name] for name in self.stack.secrets if name in given}}
            show = functools.partial(self._shown, used=_used(job.endpoint, secrets))
            verdicts += [
                Verdict(
                    job.endpoint.name,
                    one.step,
                    one.request,
                    tuple(map(show, one.misses + one.judged())),
                    one.came.seconds,
                )
                for one in answers
            ]
        return verdicts

    def _shown(self, miss: Miss, used: Sequence[str]) -> Miss:
        """A miss as people may see it: nothing of a secret, in whichever form, and not more than they read."""
        came = self.redact(miss.came) if all(len(value) >= SHORTEST_REPLACED for value in used) else NOT_SHOWN
        if len(came) > LONGEST_CAME:
            came = f"{came[:LONGEST_CAME]}… ({len(came) - LONGEST_CAME} more characters)"
        return Miss(self.redact(miss.where), self.redact(miss.expected), came)

    # The requests of an endpoint

    def _jobs(self, endpoint: Endpoint) -> list[_Job]:
        if endpoint.cors:
            promised = endpoint.cors.of(self.site.environment.origins)
            checks = list(cors.checks(promised, endpoint.where))
            return [_Job(endpoint, functools.partial(self._ask_cors, endpoint, promised, check)) for check in checks]
        if endpoint.websocket:
            return [_Job(endpoint, functools.partial(self._ask_websocket, endpoint, endpoint.websocket))]
        return [_Job(endpoint, functools.partial(self._ask_steps, endpoint))]

    def _ask_cors(
        self, endpoint: Endpoint, promised: Cors, check: cors.CorsCheck, _values: dict[str, str]
    ) -> list[_Heard]:
        asked = requests.of_cors(self.site, endpoint, promised, check)
        came = self.host.endpoints.ask(asked)
        judged = functools.partial(cors.judge, promised, check, came)
        return [_heard(check.title, self._request(endpoint, asked.method, promised.path), came, judged)]

    def _ask_websocket(self, endpoint: Endpoint, socket: WebSocket, values: dict[str, str]) -> list[_Heard]:
        request = self._request(endpoint, "GET", socket.path)
        try:
            asked = requests.of_websocket(self.site, endpoint, socket, values)
        except UnfilledError as error:
            return [_unfilled("", request, endpoint.where, error)]
        came = self.host.endpoints.ask(asked)
        find = self.host.endpoints.search
        judged = functools.partial(judge.judge_websocket, socket, came, endpoint.where, find)
        return [_heard("", request, came, judged)]

    def _ask_steps(self, endpoint: Endpoint, values: dict[str, str]) -> list[_Heard]:
        heard = []
        for number, step in enumerate(endpoint.steps):
            where = f"{endpoint.where}.steps[{number}]" if endpoint.is_flow else endpoint.where
            heard.append(self._ask_step(endpoint, step, where, values))
        return heard

    def _ask_step(self, endpoint: Endpoint, step: Step, where: str, values: dict[str, str]) -> _Heard:
        title, request = step.name if endpoint.is_flow else "", self._request(endpoint, step.method, step.path)
        try:
            asked = requests.of_step(self.site, endpoint, step, values)
        except UnfilledError as error:
            return _unfilled(title, request, where, error)
        came = self.host.endpoints.ask(asked)
        now, find = self.host.clock.now(), self.host.endpoints.search
        heard = _heard(title, request, came, functools.partial(judge.judge, step.expect, asked, came, where, now, find))
        found, absent = requests.captured(step, came)
        values.update(found)
        heard.misses += [Miss(f"{where}.capture.{name}", "a value", why) for name, why in absent]
        return heard

    def _request(self, endpoint: Endpoint, method: str, path: str) -> str:
        """A request as it is written, so without what is filled in."""
        scheme, host, port = self.site.address(endpoint)
        return f"{method} {Asked(method, scheme, host, port, path).origin}{path}"


def _heard(step: str, request: str, came: Came, judged: Callable[[], list[Miss]]) -> _Heard:
    if came.status == 503 and came.header("x-flag-off"):
        # A route that a feature flag has closed stays closed, and is no fault of the release.
        judged = list
    return _Heard(step, request, came, judged)


def _unfilled(step: str, request: str, where: str, error: UnfilledError) -> _Heard:
    return _Heard(step, request, Came(), list, [Miss(where, "a request", f"none could be made: {error}")])


def _used(endpoint: Endpoint, secrets: Mapping[str, str]) -> list[str]:
    """The secret values that an endpoint sends or captures."""
    written = repr(endpoint.written)
    captures = {name for step in endpoint.steps for name in step.capture}
    return [value for name, value in secrets.items() if name in captures or f"${{{name}}}" in written]


def lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Every miss, each on a line that says which request it is of and where the expectation is written."""
    return [
        f"{verdict.title}: {verdict.request}: {miss.where}: {miss}" for verdict in verdicts for miss in verdict.misses
    ]
