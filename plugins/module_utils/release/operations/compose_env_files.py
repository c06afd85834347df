# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The env files of the developers' docker-compose.yml: each app gets the variables it needs, as in a slot."""

from __future__ import annotations

import os
import pwd
import re

from ..env.env_file import format_env
from ..ports import Host
from ..stack.app_env import values_of
from ..stack.model import ENVIRONMENTS, NAME, Stack
from ..util.files import write_atomically

MODE = 0o600


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
    home = os.path.join(stack.directory, "config")
    files = wanted(host, stack)
    mine = re.compile(rf"\.env\.({'|'.join(ENVIRONMENTS)})\.{NAME}")
    there = os.listdir(home) if os.path.isdir(home) else []
    gone = sorted(name for name in there if mine.fullmatch(name) and name not in files)
    owner = _user(stack.owner)
    changed = [name for name, data in files.items() if not _same(os.path.join(home, name), data, owner)]
    if write:
        for name in gone:
            os.remove(os.path.join(home, name))
        for name in changed:
            path = os.path.join(home, name)
            write_atomically(path, files[name], MODE)
            if owner is not None:
                os.chown(path, owner, 0)
    return [*changed, *gone]


def _user(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def _same(path: str, data: bytes, owner: int | None) -> bool:
    try:
        facts = os.lstat(path)
        with open(path, "rb") as file:
            return file.read() == data and facts.st_mode & 0o777 == MODE and owner in (None, facts.st_uid)
    except FileNotFoundError:
        return False
