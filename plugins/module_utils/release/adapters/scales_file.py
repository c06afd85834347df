# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of the numbers of replicas that were asked for, of one stack. Operations of two environments may write it at
the same time, so each takes its turn."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping

from ..releases.replicas import Scale
from ..stack.model import ENVIRONMENTS, EnvironmentName
from ..util.files import as_json, write_atomically
from . import own_files


def load(path: str) -> dict[str, dict[str, Scale]]:
    """By environment and app. What cannot be read is left out: then the stack's own number counts."""
    data = own_files.load(path)[0] or {}
    found: dict[str, dict[str, Scale]] = {}
    for environment in ENVIRONMENTS:
        kept = data.get(environment)
        mine = {str(app): Scale.from_json(item) for app, item in kept.items()} if isinstance(kept, dict) else {}
        known = {app: scale for app, scale in mine.items() if scale is not None}
        if known:
            found[environment] = known
    return found


def save(path: str, environment: EnvironmentName, scales: Mapping[str, Scale]) -> None:
    """Replace those of one environment. Without any there is no file, and nothing to read for those who have none."""
    lock = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        whole = {**load(path), environment: dict(scales)}
        data = {name: {app: it.to_json() for app, it in mine.items()} for name, mine in whole.items() if mine}
        if data:
            write_atomically(path, as_json(data), 0o644)
        elif os.path.exists(path):
            os.remove(path)
    finally:
        os.close(lock)
