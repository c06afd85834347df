# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of what is known of the schemas of a stack's databases. Operations of two environments may write it at the
same time, so each takes its turn."""

from __future__ import annotations

import fcntl
import os

from ..releases.schema import AppSchema
from ..stack.model import ENVIRONMENTS, EnvironmentName
from ..util.files import as_json, write_atomically
from . import own_files

NAME = "schemas.json"


def load(path: str) -> dict[str, dict[str, AppSchema]]:
    """By environment and app. What cannot be read is left out: then nothing is known of it."""
    data = own_files.load(path)[0] or {}
    found: dict[str, dict[str, AppSchema]] = {}
    for environment in ENVIRONMENTS:
        kept = data.get(environment)
        mine = {str(app): AppSchema.from_json(item) for app, item in kept.items()} if isinstance(kept, dict) else {}
        found[environment] = {app: schema for app, schema in mine.items() if schema is not None}
    return found


def save(path: str, environment: EnvironmentName, app: str, schema: AppSchema) -> None:
    """Replace what is known of one database."""
    lock = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        whole = load(path)
        whole[environment][app] = schema
        data = {name: {one: it.to_json() for one, it in mine.items()} for name, mine in whole.items() if mine}
        write_atomically(path, as_json(data), 0o600)
    finally:
        os.close(lock)
