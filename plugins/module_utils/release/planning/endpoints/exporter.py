# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoints of an environment as Prometheus' blackbox exporter asks them, which it does again and again.

It knows less than the engine: what it cannot ask or judge is listed with the reason, and never left out in silence.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...releases.endpoints import Asked
from ...stack.endpoints.model import Certified, Endpoint, Expect, Rule
from . import cors, exporter_cors, re2
from .exporter_redirect import location_pattern
from .requests import Site, UnfilledError, of_cors, of_step

#: Go sends these as they are written.
_PATH = re.compile(r"/(?!/)(?:[A-Za-z0-9._~!$&'()*+,;=:@\[\]/-]|%[0-9A-Fa-f]{2})*(?:\?[!\"$-~]*)?")
#: Headers of an answer that Go's library takes for itself.
_TAKEN = ("transfer-encoding", "trailer")


@dataclass(frozen=True)
class Probe:
    """One request: the exporter's module, and the address that is asked with it."""

    name: str
    module: Mapping[str, Any]
    target: str
    endpoint: str
    where: str


@dataclass(frozen=True)
class Unwatched:
    """What of an endpoint is not the exporter's to ask or to judge, and why."""

    endpoint: str
    where: str
    why: str


@dataclass(frozen=True)
class Watch:
    """The endpoints of one environment for the exporter."""

    stack: str
    environment: str
    probes: list[Probe] = field(default_factory=list)
    unwatched: list[Unwatched] = field(default_factory=list)


def watch(site: Site) -> Watch:
    """What the exporter can do for an environment's endpoints. It depends on nothing but their definition."""
    found = Watch(site.stack.name, site.environment.name)
    for endpoint in site.stack.endpoints:
        if endpoint.is_for(site.environment.name, "verify"):
            _Watched(site, endpoint, found).add()
    return found


class _Watched:
    def __init__(self, site: Site, endpoint: Endpoint, found: Watch) -> None:
        self.site = site
        self.endpoint = endpoint
        self.found = found

    def add(self) -> None:
        endpoint = self.endpoint
        if why := _not_at_all(endpoint):
            self._note("", why)
        elif endpoint.cors:
            for check in cors.checks(endpoint.cors, endpoint.where):
                asked = of_cors(self.site, endpoint, endpoint.cors, check)
                self._add(f": {check.title}", asked, exporter_cors.conditions(endpoint.cors, check))
        else:
            (step,) = endpoint.steps
            try:
                asked = of_step(self.site, endpoint, step, {})
            except UnfilledError as error:
                self._note("", f"no request without the environment's own values, which are not written there: {error}")
                return
            if step.json:
                # However the keys of a mapping are ordered, it is the same definition.
                asked = dataclasses.replace(asked, body=json.dumps(step.json[0], sort_keys=True).encode())
            expect = step.expect
            if expect.json:
                self._note(".expect.json", f"values in JSON ({', '.join(sorted(expect.json))})")
            self._add("", asked, self._conditions(expect, asked), within_ms=expect.within_ms)

    def _note(self, key: str, why: str) -> None:
        self.found.unwatched.append(Unwatched(self.endpoint.name, f"{self.endpoint.where}{key}", why))

    def _add(self, step: str, asked: Asked, conditions: Mapping[str, Any], *, within_ms: int = 0) -> None:
        if not _PATH.fullmatch(asked.path):
            self._note(".path", "the exporter would spell the path in another way")
            return
        http = {
            "method": asked.method,
            "headers": {**({} if self.site.is_real else {"Host": asked.authority}), **dict(asked.headers)},
            **({"body": asked.body.decode()} if asked.body else {}),
            "follow_redirects": False,
            **conditions,
        }
        if asked.scheme == "https" and not self.site.is_real:
            # As the engine does on the host: any authority will do.
            http["tls_config"] = {"server_name": asked.host, "insecure_skip_verify": True}
        milliseconds = within_ms or round(asked.seconds * 1000)
        host = asked.authority if self.site.is_real else f"127.0.0.1:{asked.port}"
        module = {"prober": "http", "timeout": f"{milliseconds}ms", "http": {k: v for k, v in http.items() if v != {}}}
        found = self.found
        name = f"{found.stack} {found.environment} {self.endpoint.name}{step}"
        target = f"{asked.scheme}://{host}{asked.path}"
        found.probes.append(Probe(name, module, target, self.endpoint.name, self.endpoint.where))

    def _conditions(self, expect: Expect, asked: Asked) -> dict[str, Any]:
        fails: list[dict[str, Any]] = []
        lacks: list[dict[str, Any]] = []
        for name, rule in sorted(expect.headers.items()):
            if name.lower() in _TAKEN:
                self._note(f".expect.headers.{name}", "the exporter does not see this header")
            elif not rule.present:
                fails.append(condition(name, ".*", allow_missing=True))
            else:
                lacks += [condition(name, it) for it in self._patterns(rule, f".expect.headers.{name}") or [".*"]]
        if expect.redirect:
            lacks.append(condition("Location", location_pattern(expect.redirect, asked)))
        if expect.tls:
            self._note(".expect.tls", self._certificate(expect.tls, asked))
        bodies = self._patterns(expect.body, ".expect.body") if expect.body else []
        conditions = {
            "valid_status_codes": list(expect.redirect.code if expect.redirect else expect.status),
            "fail_if_header_matches": fails,
            "fail_if_header_not_matches": lacks,
            "fail_if_body_not_matches_regexp": bodies,
        }
        return {key: value for key, value in conditions.items() if value}

    def _patterns(self, rule: Rule, key: str) -> list[str]:
        found = [rf"\A{re2.literal(one)}\z" for one in rule.equals]
        if rule.matches:
            try:
                found.append(re2.translated(rule.matches))
            except re2.ForeignError as error:
                self._note(key, f"the exporter's patterns do not know {error}")
        return found

    def _certificate(self, tls: Certified, asked: Asked) -> str:
        if not self.site.is_real:
            return "the certificate, which it only sees at the real addresses"
        days = f"probe_ssl_earliest_cert_expiry says until when it is valid, and {tls.days} days are promised"
        return days if tls.name in ("", asked.host) else f"that it is {tls.name}'s; {days}"


def condition(header: str, pattern: str, *, allow_missing: bool = False) -> dict[str, Any]:
    """A condition on a header, as the exporter has it."""
    return {"header": header, "regexp": pattern, "allow_missing": allow_missing}


def _not_at_all(endpoint: Endpoint) -> str:
    """Why nothing of an endpoint can be asked; empty if something can."""
    return next(_reasons(endpoint), "")


def _reasons(endpoint: Endpoint) -> Iterator[str]:
    if "switch" not in endpoint.when:
        yield "its `when` leaves out `switch`: it is slow or needs data, so nobody asks it every minute"
    if endpoint.websocket:
        yield "a WebSocket"
    if endpoint.is_flow:
        yield "a flow of several requests"
    if any(step.expect.gone for step in endpoint.steps):
        yield "what is gone: to the exporter no answer is a failure"
