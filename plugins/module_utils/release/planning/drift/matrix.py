# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory says of variables, as far as a source may know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...env.matrix import Key
from ...env.matrix_check import effective
from ...stack.drift import Drift
from ...stack.model import ENVIRONMENTS, Stack
from ...util.texts import words

#: What the system, the language, a build or a CI service sets.
OF_OTHERS = words(
    """
    NODE_ENV NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NEXT_RUNTIME NEXT_PHASE NEXT_TELEMETRY_DISABLED ANALYZE
    HOME PATH PWD USER LOGNAME SHELL TERM LANG LC_ALL TZ HOSTNAME TMPDIR TEMP TMP COLUMNS EDITOR CI DEBUG
    NO_COLOR FORCE_COLOR DISPLAY PYTHONPATH PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE VIRTUAL_ENV FLAGS_FILE
    """
)
_PREFIXES = ("RELEASE_", "npm_", "GITHUB_", "CI_", "RUNNER_", "PYTEST_", "VITEST", "JEST_")
#: What runtimes and servers read by themselves.
_READ_BY_OTHERS = OF_OTHERS | {"PORT", "HOST", "WEB_CONCURRENCY", "UVICORN_PORT", "GUNICORN_CMD_ARGS"}


@dataclass(frozen=True)
class Inventory:
    """Names that the matrix knows, what must be read, and the values that are no secret."""

    names: frozenset[str] = frozenset()
    #: Keys that somebody should read, and those that an example of an env file should have.
    to_be_read: tuple[str, ...] = ()
    to_be_shown: tuple[str, ...] = ()
    #: Of each key that is no secret, by key.
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def is_unknown(self, name: str) -> bool:
        """Whether nothing says where a variable comes from. Without a matrix nothing is known of any."""
        return bool(self.names) and name not in self.names and name not in OF_OTHERS and not name.startswith(_PREFIXES)


def inventory_of(stack: Stack, drift: Drift, layers: Mapping[str, Mapping[str, str]]) -> Inventory:
    """`layers` are the values as they are on the host."""
    if not stack.env_matrix:
        return Inventory()
    known = {*stack.env_matrix, *stack.build_arguments, *drift.variables, *stack.all_build_secrets}
    for app in stack.apps.values():
        known |= {*app.environment, *app.build_arguments, *(app.compose.get("environment") or {})}
    mine = [key for key in stack.env_matrix.values() if _is_for_apps(stack, key)]
    every = [effective(stack.env_matrix, layers, environment).all for environment in ENVIRONMENTS]
    values = {
        key.name: tuple(dict.fromkeys(given[key.name] for given in reversed(every) if given.get(key.name)))
        for key in stack.env_matrix.values()
        if not key.is_secret
    }
    return Inventory(
        names=frozenset(known),
        to_be_read=tuple(k.name for k in mine if k.name not in drift.variables and k.name not in _READ_BY_OTHERS),
        to_be_shown=tuple(
            k.name
            for k in mine
            if k.name not in drift.variables and not k.optional and k.default is None and not k.values
        ),
        values=values,
    )


def _is_for_apps(stack: Stack, key: Key) -> bool:
    """Whether an app reads it. What only services get, their images read."""
    return (not key.apps or any(name in stack.apps for name in key.apps)) and any(map(key.is_for, ENVIRONMENTS))
