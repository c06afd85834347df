# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loading renewed certificates from the files on this host that stacks name. Renewal itself is certbot's job."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from ..errors import OperationError, Problem, RefusedError
from ..planning.preflight import PROVISION
from ..ports import Host
from ..stack.edge_view import hosts_in
from ..stack.model import Environment, Stack
from ..stack.tls import days_left


def renew(host: Host, stacks: Iterable[Stack]) -> tuple[list[str], list[Problem]]:
    """Load every renewed certificate into the edge. Returns messages and problems: a certificate with a problem is not
    replaced; all others are loaded."""
    lines: list[str] = []
    problems: list[Problem] = []
    for stack in stacks:
        for environment in stack.environments.values():
            if environment.tls is None:
                continue
            try:
                lines.append(_renew(host, stack, environment))
            except RefusedError as refused:
                problems.extend(refused.problems)
            except OperationError as error:
                problems.append(Problem(f"{error.what}: {error.cause}", error.where, error.fix))
    return lines or (["no environment has a certificate"] if not problems else []), problems


def _renew(host: Host, stack: Stack, environment: Environment) -> str:
    edge, now = host.edge, host.clock.now()
    name, tls = f"{stack.name}-{environment.name}", environment.tls
    who = f"{stack.name} {environment.name}"
    has = edge.certificate(name)
    if has is None:
        raise RefusedError([Problem("the edge has no certificate yet", who, PROVISION)])
    if tls is None or tls.location == "control":
        until = edge.examine(has, hosts_in(stack, environment))
        return f"{who}: {_valid(until, now)}; not renewed on this host. To renew it: {PROVISION}"
    pair = edge.read_certificate(tls.certificate, tls.key)
    until = edge.examine(pair, hosts_in(stack, environment))
    word = "loaded" if edge.set_certificate(name, pair) else "unchanged"
    return f"{who}: {word}, {_valid(until, now)}"


def _valid(until: datetime.datetime, now: float) -> str:
    return f"valid until {until:%Y-%m-%d} ({days_left(until, now)} days)"
