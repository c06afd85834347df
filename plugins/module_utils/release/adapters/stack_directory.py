# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack's directory: what its owner sees and works with. Written with the owner's rights; nothing there is read as
the truth."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from ..stack.model import ENVIRONMENTS, NAME, Stack
from ..util.as_user import run_as
from ..util.files import read, write_atomically

#: The env files of apps, which only the developers' Compose file uses.
APP_ENV_FILE = re.compile(rf"\.env\.({'|'.join(ENVIRONMENTS)})\.{NAME}")
MODE = 0o600


class StackDirectory:
    """The directory that a stack's owner knows."""

    def replace_env_files(self, stack: Stack, files: Mapping[str, bytes], *, write: bool = True) -> list[str]:
        """Make these the env files of the apps, by name. Returns the names of those that were written or removed."""
        home = os.path.join(stack.directory, "config")

        def work() -> list[str]:
            there = os.listdir(home) if os.path.isdir(home) else []
            gone = sorted(name for name in there if APP_ENV_FILE.fullmatch(name) and name not in files)
            changed = [name for name, data in files.items() if not _same(os.path.join(home, name), data)]
            if write:
                for name in gone:
                    os.remove(os.path.join(home, name))
                for name in changed:
                    write_atomically(os.path.join(home, name), files[name], MODE)
            return [*changed, *gone]

        return list(run_as(stack.owner, work))


def _same(path: str, data: bytes) -> bool:
    try:
        facts = os.lstat(path)
        return facts.st_mode & 0o777 == MODE and facts.st_uid == os.geteuid() and read(path) == data
    except OSError:
        return False
