# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which stacks a host has and whether they are where this engine keeps them; asked without the rest of the engine."""

from __future__ import annotations

import os

from ..paths import STACKS, STATE, releases_of


def names(directory: str = STACKS) -> list[str]:
    """The stacks that have a definition."""
    found = os.listdir(directory) if os.path.isdir(directory) else []
    return sorted(name.removesuffix(".json") for name in found if name.endswith(".json"))


def is_there(stack: str, state: str = STATE) -> bool:
    """Whether the history is where this engine keeps it. Made last, so that the rest is there too."""
    return os.path.isdir(releases_of(stack, state))
