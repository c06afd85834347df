# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The env files of the developers' docker-compose.yml: each app gets the variables it needs, as in a slot."""

from __future__ import annotations

from ..env.env_file import format_env
from ..ports import Host
from ..stack.app_env import values_of
from ..stack.model import ENVIRONMENTS, Stack


def wanted(host: Host, stack: Stack) -> dict[str, bytes]:
    """Content by file name. Empty without a matrix: then every app reads the layers themselves."""
    result = {}
    for environment in ENVIRONMENTS if stack.env_matrix else ():
        layers = {layer: data for layer, data in host.store.config_env(stack, environment).items() if data is not None}
        for app in stack.apps:
            values = values_of(stack, app, environment, layers)
            result[f".env.{environment}.{app}"] = format_env(values, f"env of {app}").encode()
    return result


def provide(host: Host, stack: Stack, *, write: bool = True) -> list[str]:
    """Write changed files and remove those no app needs any more. Returns the names of these files."""
    return host.directory.replace_env_files(stack, wanted(host, stack), write=write)
