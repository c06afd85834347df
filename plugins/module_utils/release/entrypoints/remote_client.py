# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the control machine needs to call `remote.main`, and no more: it is loaded with each command."""

from __future__ import annotations

import hashlib
import os

#: What the installed engine says when the caller's is another one.
VERSION_MISMATCH = "other engine"


def engine_fingerprint(directory: str = "") -> str:
    """SHA-256 over names and contents of the engine's files in a directory (by default, of the running engine)."""
    home = directory or os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found: list[str] = []
    for place, folders, names in os.walk(home):
        # Compiled files double the number of files and do not count.
        folders[:] = [name for name in folders if name != "__pycache__"]
        found += [f"{place}/{name}"[len(home) + 1 :] for name in names if name.endswith(".py")]
    digest = hashlib.sha256()
    for name in sorted(found):
        with open(f"{home}/{name}", "rb") as file:
            data = file.read()
        digest.update(f"{name} {len(data)}\n".encode() + data)
    return digest.hexdigest()
