# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of a rehearsal: the new release's migrations on a copy, in a network that leads nowhere else."""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..env.env_file import format_env
from ..errors import OperationError
from ..hints import hint
from ..ports import Host
from ..process.journal import Journal
from ..releases.databases import addresses
from ..releases.plan import Plan
from ..releases.rehearsed import free_subnet, gateway_of, isolated, network_labels, network_name
from ..releases.release import timestamp
from ..releases.runs import OF_REHEARSALS, QUESTIONS, Run, Why
from ..releases.scratch import Scratch
from ..stack.model import EnvironmentName, Stack
from . import one_off
from .migration_runs import MigrationRuns

ENDED = "was stopped: the rehearsal is over"


class Network(NamedTuple):
    """Where containers of a rehearsal are, and the host's own address there."""

    name: str
    subnet: str
    gateway: str


def make_network(host: Host, stack: Stack, environment: EnvironmentName) -> Network:
    """Raises OperationError where no addresses are free."""
    blocks = host.store.networks()
    where = f"{stack.name} {environment}"
    block = blocks.get(stack.name, {}).get(environment, "")
    if not block:
        what = "has no addresses for its containers yet"
        raise OperationError("nothing was rehearsed", where, what, hint("provision"))
    taken = [text for mine in blocks.values() for text in mine.values()]
    taken += [route.destination for route in host.machine.routes()]
    subnet = free_subnet(block, taken)
    if not subnet:
        what = f"no addresses are free near {block}"
        raise OperationError("nothing was rehearsed", where, what, "remove networks of Docker that nobody needs")
    name = network_name(stack, environment)
    host.docker.private_network(name, subnet, network_labels(stack, environment))
    return Network(name, subnet, gateway_of(subnet))


def with_copies(
    host: Host, stack: Stack, environment: EnvironmentName, env: Mapping[str, bytes], copies: Mapping[str, Scratch]
) -> dict[str, bytes]:
    """The values of an environment, with the addresses of copies in place of its databases'."""
    kept = host.store.databases(stack.name).get(environment, {})
    moved = {name: dataclasses.replace(kept[name], port=copy.port) for name, copy in copies.items() if name in kept}
    # Of the others it has none: nothing of them is in that network.
    given = addresses(stack, environment, {environment: moved})
    own = env.get(environment, b"")
    return {**env, environment: own + b"\n" + format_env(given, "addresses of copies").encode()}


def stop_all(host: Host, stack: Stack, environment: EnvironmentName) -> None:
    """End every container of a rehearsal. Can be repeated."""
    left = {container.run for container in host.one_off.found(stack.name, environment)}
    for run in host.runs.records(stack.name):
        if run.environment != environment or run.why not in OF_REHEARSALS:
            continue
        if not run.is_over or run.id in left:
            one_off.give_up(host, run, ENDED)
        else:
            host.runs.clear(run)


class RehearsalRuns(MigrationRuns):
    """The same commands as a release's, on copies. `env` has their addresses."""

    def __init__(
        self, host: Host, stack: Stack, day: Stack, plan: Plan, env: Mapping[str, bytes], network: Network
    ) -> None:
        super().__init__(host, stack, day, plan, Journal(None, host.clock), env)
        self.network = network

    def provide_network(self) -> None:
        """It is there."""

    def _placed(self, slot: dict[str, Any]) -> dict[str, Any]:
        return isolated(slot, self.network.name, self.network.gateway)

    def _run(self, why: Why, app: str, command: tuple[str, ...], rest: str, seconds: float) -> Run:
        run = super()._run(why, app, command, rest, seconds)
        rehearsed: Why = "rehearsed_question" if why in QUESTIONS else "rehearsal"
        return dataclasses.replace(run, id=run_name(self.host, self.plan.environment, app), why=rehearsed)


def run_name(host: Host, environment: EnvironmentName, app: str) -> str:
    moment = timestamp(datetime.datetime.fromtimestamp(host.clock.now(), datetime.timezone.utc))
    return f"{moment}-{environment}-{app}.rehearsal-{os.urandom(4).hex()}"
