# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

# The engine as it is on the control machine, for the action plugin `engine`.
import os

from ansible_collections.onehost.release.plugins.module_utils import engine_files, release

SOURCE = os.path.dirname(os.path.abspath(release.__file__))


def files(path: str, command: str) -> dict[str, tuple[bytes, int]]:
    """Content and mode of every file that the module `engine` would install there, by path on the host."""
    found = {}
    for place, _directories, names in os.walk(SOURCE):
        for name in names:
            if name.endswith(".py"):
                with open(os.path.join(place, name), "rb") as file:
                    relative = os.path.relpath(file.name, SOURCE)
                    found[os.path.join(path, engine_files.PACKAGE, relative)] = (file.read(), 0o644)
    return found | engine_files.programs(path, command)
