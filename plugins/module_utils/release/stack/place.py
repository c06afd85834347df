# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a stack's owner finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Place:
    """A stack, the directory that its owner knows, and the owner."""

    stack: str
    directory: str
    owner: str


class Provided(NamedTuple):
    """What was created of a stack's directories and links, and what stands in the way of others."""

    paths: list[str]
    blocked: list[str]
