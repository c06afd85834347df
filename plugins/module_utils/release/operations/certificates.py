# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking renewed certificates over, from the files on this host that stacks name. Renewal itself is another's work."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterable

from ..adapters.certificate import Pair, certificate_path, days_left, examine, read_pair
from ..adapters.nginx import Edge
from ..errors import OperationError, Problem, RefusedError
from ..planning.preflight import PROVISION
from ..stack.model import Environment, Stack


def renew(stacks: Iterable[Stack], edge: Edge) -> tuple[list[str], list[Problem]]:
    """Give the edge every certificate that was renewed. Returns what to tell, and what is wrong: those stay as they
    were, all the others are loaded."""
    lines: list[str] = []
    problems: list[Problem] = []
    for stack in stacks:
        for environment in stack.environments.values():
            if environment.tls is None:
                continue
            try:
                lines.append(_renew(stack, environment, edge))
            except RefusedError as refused:
                problems.extend(refused.problems)
            except OperationError as error:
                problems.append(Problem(f"{error.what}: {error.cause}", error.where, error.fix))
    return lines or (["no environment has a certificate"] if not problems else []), problems


def _renew(stack: Stack, environment: Environment, edge: Edge) -> str:
    name, tls = f"{stack.name}-{environment.name}", environment.tls
    who = f"{stack.name} {environment.name}"
    has = edge.certificate(name)
    if has is None:
        raise RefusedError([Problem("the edge has no certificate yet", who, PROVISION)])
    if tls is None or tls.location == "control":
        place = certificate_path(name)
        until = examine(Pair(has, has, place, place), hosts_of(stack, environment))
        return f"{who}: {_valid(until)}; not renewed on this host. To renew it: {PROVISION}"
    pair = read_pair(tls.certificate, tls.key)
    until = examine(pair, hosts_of(stack, environment))
    word = "loaded" if edge.set_certificate(name, pair.pem) else "unchanged"
    return f"{who}: {word}, {_valid(until)}"


def _valid(until: datetime.datetime) -> str:
    return f"valid until {until:%Y-%m-%d} ({days_left(until, time.time())} days)"


def hosts_of(stack: Stack, environment: Environment) -> list[str]:
    """Every host name that the environment answers for; none where it answers for all."""
    routes = {route.host for app in stack.web_apps for route in app.routes if route.host}
    return sorted({*environment.hosts, *routes})
