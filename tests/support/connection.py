# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One SSH connection for many commands: to make one takes longer than most of them."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

SECONDS = 60


@functools.cache
def sockets() -> Path:
    """Where this process's connections have their sockets, whose paths must be short."""
    folder = tempfile.mkdtemp(prefix="onehost-ssh-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def options(socket: Path) -> list[str]:
    """For each command that is to share the connection with this socket; it ends some time after the last of them."""
    return ["-o", "ControlMaster=auto", "-o", f"ControlPersist={SECONDS}", "-o", f"ControlPath={socket}"]
