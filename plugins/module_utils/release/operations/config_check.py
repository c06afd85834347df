# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checking the host's configuration against the matrix: first the files, then what running containers really have."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from ..env import matrix_report, own_values, secret_ages
from ..env.env_file import EARLIER_DIGITS
from ..env.matrix_check import COMMON, Finding, concerning
from ..hints import RELEASING, hint
from ..planning.config_findings import PROVISION, files_of, findings, read_layers, warnings
from ..ports import Host
from ..releases.host_state import HostState
from ..releases.runtime import Container
from ..stack.app_env import values_of
from ..stack.model import ENVIRONMENTS, EnvironmentName, Stack
from .observe import observe


def report(
    host: Host,
    stack: Stack,
    *,
    environment: EnvironmentName | None = None,
    running: bool,
    record: bool,
    write: bool,
    note: str | None = None,
) -> dict[str, Any]:
    """Everything check_config.yml shows, as plain data. Records the ages of secrets when asked to."""
    state = observe(host, stack)
    renewed: list[str] = []
    if record:
        after = secret_ages.updated(state.secret_record, _secret_values(stack, state), state.now, note)
        renewed = secret_ages.changed(state.secret_record, after)
        if write and after != state.secret_record:
            host.store.set_secret_record(stack, after)
        state = dataclasses.replace(state, secret_record=after)
    found = findings(stack, state)
    found += [
        Finding(f".env.{layer}", layer, "missing", "is missing", PROVISION)
        for name in ENVIRONMENTS
        for layer, data in state.env[name].items()
        if data is None and (layer != COMMON or name == ENVIRONMENTS[0])
    ]
    notes: list[str] = []
    if running and stack.env_matrix:
        inside, notes = truth(host, stack, state)
        found += inside
    environments = (environment,) if environment else ENVIRONMENTS
    if environment:
        found = concerning(found, environment)
    shared = [f"{app.name} runs the image of {app.image_of}" for app in stack.apps.values() if app.image_of]
    warned = [f"warning: {text}" for text in warnings(stack)]
    layers, _strange = read_layers(files_of(state))
    unsearched = own_values.unsearched(stack.env_matrix, layers, ENVIRONMENTS)
    due = secret_ages.due(stack.env_matrix, secret_ages.days(state.secret_record, state.now))
    return {
        **matrix_report.document(stack.name, found, environments),
        "junit": matrix_report.junit(stack.name, stack.env_matrix, found, environments),
        "warned": warnings(stack),
        "due": due,
        "renewed": renewed,
        "unsearched": unsearched,
        "lines": [
            *matrix_report.lines(stack.env_matrix, found, environments),
            *notes,
            *shared,
            *warned,
            *unsearched,
            *due,
        ],
    }


def _secret_values(stack: Stack, state: HostState) -> dict[tuple[str, str], str]:
    layers, _problems = read_layers(files_of(state))
    values = secret_ages.secret_values(stack.env_matrix, layers)
    if state.keys.get(secret_ages.JWT):
        # A fingerprint is enough: only whether the key changed matters.
        # Its first digits are what an earlier engine recorded: the key must not seem to be new.
        values[secret_ages.KEY_FILES, secret_ages.JWT] = str(state.keys[secret_ages.JWT])[:EARLIER_DIGITS]
    return values


def truth(host: Host, stack: Stack, state: HostState) -> tuple[list[Finding], list[str]]:
    """Compare the variables of running containers with the matrix. Also returns notes on values that take effect only
    with the next operation, because that takes a new container."""
    found: list[Finding] = []
    notes: list[str] = []
    files = files_of(state)
    for environment in ENVIRONMENTS:
        live = state.live.get(environment)
        for container in state.in_slot(environment, live.slot) if live else []:
            if container.state == "running" and container.app in stack.apps:
                more, waiting = _inside(host, stack, environment, container, files)
                found += more
                notes += waiting
    return sorted(found, key=lambda f: (f.environment, f.key)), notes


def _inside(
    host: Host, stack: Stack, environment: EnvironmentName, container: Container, files: Mapping[str, bytes]
) -> tuple[list[Finding], list[str]]:
    wanted = values_of(stack, container.app, environment, files)
    has, of_image = host.docker.environment(container.id)
    app = stack.apps[container.app]
    own = {"FLAGS_FILE", *of_image, *app.environment, *(app.compose.get("environment") or {})}
    more = {name for name in has if name not in wanted and name not in own and not name.startswith("RELEASE_")}
    fix = f"{hint(RELEASING[environment])} brings it up to date"
    inside = f"inside the running {container.app}"
    found = [Finding(name, environment, "missing", f"is missing {inside}", fix) for name in wanted if name not in has]
    found += [
        Finding(name, environment, "not allowed here", f"is set {inside}, which must not have it", fix) for name in more
    ]
    changed = sorted(n for n, v in wanted.items() if n in has and has[n] != v and n not in app.environment)
    if not changed:
        return found, []
    return found, [f"{environment} {container.app}: {', '.join(changed)} changed since it was started; {fix}"]
