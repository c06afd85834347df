# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options of modules whose changes are recorded, beside those of operations."""

    DOCUMENTATION = r"""
options:
  reason:
    description:
      - Why. Recorded.
    type: str
    default: ""
  person:
    description:
      - Who. Recorded.
    type: str
    default: unknown
"""
