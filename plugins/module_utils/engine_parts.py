# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module `engine` installs: every file of the package, and the programs that start it."""

from __future__ import annotations

import os
import sys
from importlib.abc import InspectLoader
from typing import cast

from . import release
from .engine_files import PACKAGE, programs
from .release.entrypoints import bootstrap, cli, remote
from .release.entrypoints.commands import (
    backup,
    by_hand,
    certificates,
    cleanup,
    drift,
    drill,
    end_grace_period,
    end_maintenance,
    expire_standby,
    jobs,
    logs,
    maintenance,
    maps,
    notify,
    operate,
    page,
    recover,
    rehearse,
    restore,
    runs,
    scale,
    services,
    status,
    verify,
)
from .release.env import importer
from .release.operations import (
    backup_ages,
    compose_env_files,
    config_check,
    databases,
    downgrade_recovery,
    downgrades,
    endpoints,
    host_recovery,
    layout,
    migration_gate,
    migrations,
    networks,
    old_release,
    reach,
    restore_points,
    restored_rollback,
    schema_declared,
)
from .release.operations import drift as drift_operations
from .release.operations import flags as flag_operations
from .release.planning import schema_steps, schema_ways
from .release.rendering import databases as databases_shown
from .release.stack.endpoints import reader as endpoints_reader

# Only what is imported travels with a module: these pull in the whole engine. The command imports the sub-command that
# was typed by its name, so each of them stands here.
SUB_COMMANDS = (
    backup,
    by_hand,
    certificates,
    cleanup,
    drift,
    drill,
    end_grace_period,
    end_maintenance,
    expire_standby,
    jobs,
    logs,
    maintenance,
    maps,
    notify,
    operate,
    page,
    recover,
    rehearse,
    restore,
    runs,
    scale,
    services,
    status,
    verify,
)
OPERATIONS = (compose_env_files, config_check, databases, flag_operations, layout, networks, reach)
# What an operation imports when it is needed.
LATE = (
    *bootstrap.late_parts(),
    backup_ages,
    databases_shown,
    downgrade_recovery,
    downgrades,
    drift_operations,
    endpoints,
    endpoints_reader,
    host_recovery,
    migration_gate,
    migrations,
    old_release,
    restore_points,
    restored_rollback,
    schema_declared,
    schema_steps,
    schema_ways,
)
PARTS = (cli, importer, remote, *OPERATIONS, *LATE, *SUB_COMMANDS)


def wanted_files(path: str, command_path: str) -> dict[str, tuple[bytes, int]]:
    """Content and mode of every file of an installed engine, by path."""
    result = {}
    for name, part in sorted(sys.modules.items()):
        if name != release.__name__ and not name.startswith(f"{release.__name__}."):
            continue
        relative = name[len(release.__name__) :].lstrip(".").replace(".", "/")
        file = os.path.join(relative, "__init__.py") if hasattr(part, "__path__") else f"{relative}.py"
        # Asked of whatever imported it, a zip archive as a rule. Ansible's own loader answers with bytes.
        loader = part.__spec__.loader if part.__spec__ else None
        source: object = cast(InspectLoader, loader).get_source(name)
        data = source if isinstance(source, bytes) else str(source).encode()
        result[os.path.join(path, PACKAGE, file)] = (data, 0o644)
    return result | programs(path, command_path)
