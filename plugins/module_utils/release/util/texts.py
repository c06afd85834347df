# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small helpers for texts."""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    """A long list of words, written as a text."""
    return frozenset(text.split())
