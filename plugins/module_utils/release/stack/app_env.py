# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which app gets which environment variables: the layers of the env files, filtered to what each app needs.

A release stores the layers. The filtered files are written beside the slot's Compose file when a slot is created, by
the matrix of that release. So a rollback gives each app what it had then, and a secret that has changed since is
updated in one place.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..env.env_file import format_env, parse_env
from ..env.matrix_check import COMMON, effective
from .databases import APP, SCHEMES
from .model import EnvironmentName, Stack

#: Separates these names from the layers' names, so that an app may be called `common`.
PREFIX = "app-"


def values_of(
    stack: Stack, app: str, environment: EnvironmentName, env: Mapping[str, bytes], role: str = APP
) -> dict[str, str]:
    """The variables of one app. Without a matrix that is all of them. The address of its database is that of the apps;
    of who changes the schema, if that is the `role`."""
    layers = {layer: parse_env(data) for layer, data in env.items()}
    if not stack.env_matrix:
        values = {**layers.get(COMMON, {}), **layers.get(environment, {})}
        return {**values, **_address(stack, app, role, values)}
    values = effective(stack.env_matrix, layers, environment).all
    mine = {
        name: value
        for name, value in values.items()
        if (key := stack.env_matrix.get(name))
        and key.is_for(environment)
        and key.is_for_app(app)
        and name not in stack.all_build_secrets
        and name not in _of_owners(stack)
    }
    return {**mine, **_address(stack, app, role, values)}


def _of_owners(stack: Stack) -> set[str]:
    return {one.owner_url for one in stack.databases.values() if one.owner_url}


def _address(stack: Stack, app: str, role: str, values: Mapping[str, str]) -> dict[str, str]:
    """The variable with the address of an app's database, if that is known. Whether it must be is for others to say."""
    it = stack.apps.get(app)
    database = stack.databases.get(it.database) if it and it.database else None
    if it is None or database is None:
        return {}
    scheme = it.database_scheme or next(iter(SCHEMES.get(database.engine, ())), "")
    address = database.address(role, scheme, it.volumes.get(database.volume, ""), values)
    return {it.variable: address} if address else {}


def service_values(
    stack: Stack, service: str, environment: EnvironmentName, env: Mapping[str, bytes]
) -> dict[str, str]:
    """The variables of one service: those of the matrix that name it. What is for every app is not for a service."""
    layers = {layer: parse_env(data) for layer, data in env.items()}
    values = effective(stack.env_matrix, layers, environment).all if stack.env_matrix else {}
    return {
        name: value
        for name, value in values.items()
        if (key := stack.env_matrix.get(name)) and key.is_for(environment) and service in key.apps
    }


def build_secrets(stack: Stack, environment: EnvironmentName, env: Mapping[str, bytes]) -> dict[str, str]:
    """The values of the secrets that builds may read. They are in no container."""
    values = effective(stack.env_matrix, {layer: parse_env(data) for layer, data in env.items()}, environment).all
    return {name: values[name] for name in sorted(stack.all_build_secrets) if values.get(name)}


def slot_env(stack: Stack, environment: EnvironmentName, env: Mapping[str, bytes]) -> dict[str, bytes]:
    """The env files of a slot by name: one for each app; without a matrix the layers as they are."""
    if not stack.env_matrix:
        return dict(env)
    return {
        f"{PREFIX}{app}": format_env(values_of(stack, app, environment, env), f"env of {app}").encode()
        for app in stack.apps
    }


def env_files(stack: Stack, app: str, values: Mapping[str, str], env: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same for one app alone, with these values; without a matrix the layers as they are."""
    return {f"{PREFIX}{app}": format_env(values, f"env of {app}").encode()} if stack.env_matrix else dict(env)


def files_of(stack: Stack, app: str, files: Mapping[str, bytes]) -> list[str]:
    """Names of the slot's env files that an app reads; later ones win."""
    if stack.env_matrix:
        return [f"{PREFIX}{app}"]
    return sorted(files, key=lambda name: name != COMMON)
