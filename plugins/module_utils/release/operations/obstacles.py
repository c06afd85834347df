# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What on the host would make an operation fail after it has begun: stopped services, taken ports, missing mounts."""

from __future__ import annotations

from ..errors import OperationError, Problem, RefusedError
from ..hints import host_command
from ..ports import Host
from ..releases.host_state import HostState
from ..releases.request import Request
from ..stack.compose_keys import host_paths
from ..stack.model import EnvironmentName, Stack
from . import database_gate

_SERVICES = {"haproxy": "the router (HAProxy)", "nginx": "the edge (nginx)"}


def refuse(host: Host, stack: Stack, state: HostState, request: Request) -> None:
    """Raises RefusedError with every such thing, before anything is built or started."""
    # The way back uses what its release was started with before.
    problems = _mounts(host, stack) if request.operation != "rollback" else []
    problems += _schedules(host, stack) if request.operation != "rollback" else []
    if request.operation == "deploy":
        problems += database_gate.problems(host, stack, request)
    if stack.web_apps:
        problems += _services(host) + _ports(host, stack, state, request.environment)
    if problems:
        raise RefusedError(problems)


def _mounts(host: Host, stack: Stack) -> list[Problem]:
    """Docker would make a missing directory itself, as root, and the app could not write to it."""
    users = {path: app.user for app in stack.apps.values() for path in host_paths(app.compose)}
    return [
        Problem(
            "does not exist, and Docker would make it a directory of root's",
            f"{path}, which `compose.volumes` mounts",
            host_command(
                f"sudo install -d -o {'<the user in the container>' if users[path] is None else users[path]} {path}"
            ),
        )
        for path in host.machine.missing(users)
    ]


def _schedules(host: Host, stack: Stack) -> list[Problem]:
    """systemd alone knows which time zones there are."""
    wanted = {app.name: app.schedule for app in stack.apps.values() if app.schedule}
    return [
        Problem(f"schedule {text!r} {why}", f"app {name}", host_command(f"systemd-analyze calendar '{text}'"))
        for name, text in wanted.items()
        if (why := _trouble(host, text))
    ]


def _trouble(host: Host, schedule: str) -> str:
    try:
        return "" if host.schedule.upcoming(schedule, host.clock.now(), 1) else "never fires, as systemd says"
    except OperationError as error:
        return f"is not what systemd takes: {error.cause}"


def _services(host: Host) -> list[Problem]:
    return [
        Problem(
            f"{_SERVICES[service]} does not run, so no visitor would reach a release",
            f"service {service}",
            host_command(f"systemctl start {service}; journalctl -u {service} -n 50"),
        )
        for service in host.machine.stopped(list(_SERVICES))
    ]


def _ports(host: Host, stack: Stack, state: HostState, environment: EnvironmentName) -> list[Problem]:
    """The idle slot's ports must be free, or its own containers': a slot that is kept warm has them. `stack` is as the
    release that is to run there defines it."""
    slot = state.idle_slot(environment)
    mine = {c.app for c in state.in_slot(environment, slot) if c.state in ("running", "restarting", "paused")}
    # An app that never runs twice, or that takes the place of another, has a port that the live release leaves for it.
    left = {at.port for at in state.reached(environment).values()}
    left |= {at.port for app, at in state.reach.get(environment, {}).get(slot, {}).items() if app in mine}
    wanted = {
        port: app.name
        for app in stack.web_apps
        if app.name not in mine and (port := stack.loopback_port(app, environment, slot)) not in left
    }
    return [
        Problem(
            f"port {port} is taken by {holder}, and {wanted[port]} needs it",
            f"{environment} {slot}",
            f"stop it, or give the app another `loopback_port`; {host_command(f'sudo ss -ltnp sport = :{port}')}",
        )
        for port, holder in host.machine.holders(wanted).items()
    ]
