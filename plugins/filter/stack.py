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
from ansible_collections.onehost.release.plugins.module_utils.release.stack.model import ENVIRONMENTS, Stack
from ansible_collections.onehost.release.plugins.module_utils.release.stack.model import loopback_port as port_in_block
from ansible_collections.onehost.release.plugins.module_utils.release.stack.reader import read_stack


def _stack(data: dict[str, Any]) -> Stack:
    return read_stack(data.get("name", "stack"), data)


def compose_env(values: dict[str, str], where: str = "env file") -> str:
    try:
        return env_file.format_env({key: str(value) for key, value in values.items()}, where)
    except RefusedError as refused:
        raise AnsibleFilterError(str(refused)) from refused


def compose_file(stack: dict[str, Any]) -> str:
    return yaml.safe_dump(
        compose.developer_compose_file(_stack(stack)), sort_keys=False, default_flow_style=False, width=120
    )


def loopback_port(app: dict[str, Any], environment: str, slot: str) -> int:
    return port_in_block(app["loopback_port"], app["replace"] == "stop_first", environment, slot)


def public_ports(stacks: list[dict[str, Any]], only: str = "") -> list[int]:
    environments = [environment for stack in stacks for environment in _stack(stack).environments.values()]
    wanted = {port for it in environments if only in ("", it.name) for port, _tls in it.listeners}
    others = {port for it in environments if only not in ("", it.name) for port, _tls in it.listeners}
    return sorted(wanted - others)


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
            "loopback_port": loopback_port,
            "notification_findings": notification_findings,
            "public_ports": public_ports,
            "without_env": without_env,
        }
