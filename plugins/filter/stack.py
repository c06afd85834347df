# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# Filters that turn a stack, as the lookup onehost.release.stacks returns it, into the texts of files.
# Each is documented in the YAML file of its name.
from collections.abc import Callable
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.onehost.release.plugins.module_utils.release.env import env_file, matrix_check, matrix_report
from ansible_collections.onehost.release.plugins.module_utils.release.errors import RefusedError
from ansible_collections.onehost.release.plugins.module_utils.release.releases import compose
from ansible_collections.onehost.release.plugins.module_utils.release.rendering import notifications
from ansible_collections.onehost.release.plugins.module_utils.release.stack import edge_view as views
from ansible_collections.onehost.release.plugins.module_utils.release.stack.model import ENVIRONMENTS, Stack
from ansible_collections.onehost.release.plugins.module_utils.release.stack.reader import read_stack


def _stack(data: dict[str, Any]) -> Stack:
    # The lookup has checked it; or it is what an earlier version wrote on the host, and what runs by that stays.
    return read_stack(data.get("name", "stack"), data, stored=True)


def compose_env(values: dict[str, str], where: str = "env file") -> str:
    try:
        return env_file.format_env({key: str(value) for key, value in values.items()}, where)
    except RefusedError as refused:
        raise AnsibleFilterError(str(refused)) from refused


def compose_file(stack: dict[str, Any]) -> str:
    return yaml.safe_dump(
        compose.developer_compose_file(_stack(stack)), sort_keys=False, default_flow_style=False, width=120
    )


def router_apps(
    stacks: list[dict[str, Any]], kept: dict[str, dict[str, int]] | None = None
) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for stack in map(_stack, stacks):
        for environment in ENVIRONMENTS:
            name = f"{stack.name}-{environment}"
            apps = {app.name: app.timeout_seconds for app in stack.web_apps}
            for app, seconds in (kept or {}).get(name, {}).items():
                apps[app] = max(apps.get(app, 0), seconds)
            # By name: what the host has of a stack is written in that order.
            found[name] = dict(sorted(apps.items()))
    return found


def edge_view(stack: dict[str, Any], environment: str) -> dict[str, Any]:
    read = _stack(stack)
    return views.edge_view(read, next(one for one in read.environments.values() if one.name == environment))


def public_ports(stacks: list[dict[str, Any]], only: str = "", kept: dict[str, list[int]] | None = None) -> list[int]:
    ports: dict[str, set[int]] = {name: set() for name in ENVIRONMENTS}
    for name, others in (kept or {}).items():
        ports[name.rpartition("-")[2]].update(others)
    for stack in stacks:
        for environment in _stack(stack).environments.values():
            ports[environment.name] |= {port for port, _tls in environment.listeners}
    wanted = {port for name, mine in ports.items() if only in ("", name) for port in mine}
    elsewhere = {port for name, mine in ports.items() if only not in ("", name) for port in mine}
    return sorted(wanted - elsewhere)


def without_env(stack: dict[str, Any]) -> dict[str, Any]:
    return _stack(stack).to_mapping(with_env=False)


def config_findings(stack: dict[str, Any]) -> list[str]:
    read = _stack(stack)
    if not read.env_matrix:
        return []
    found = matrix_check.check(read.env_matrix, read.env, ENVIRONMENTS)
    return matrix_report.lines(read.env_matrix, found, ENVIRONMENTS) if found else []


def notification_findings(targets: list[dict[str, Any]]) -> list[str]:
    try:
        notifications.read_targets(targets)
    except RefusedError as refused:
        return [str(problem) for problem in refused.problems]
    return []


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "compose_env": compose_env,
            "compose_file": compose_file,
            "config_findings": config_findings,
            "edge_view": edge_view,
            "notification_findings": notification_findings,
            "public_ports": public_ports,
            "router_apps": router_apps,
            "without_env": without_env,
        }
