# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of files as they are looked at again."""

from __future__ import annotations

from typing import NamedTuple


class Copied(NamedTuple):
    """A copy of a volume: how its repository calls it, when it was begun, and the directory that was copied."""

    name: str
    begun: float
    root: str


class Present(NamedTuple):
    """A file of the volume now. Nobody but the kernel sets when it was changed."""

    sha256: str
    changed: float
