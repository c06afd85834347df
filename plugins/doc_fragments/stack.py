# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The option of every module that acts on one stack."""

    DOCUMENTATION = r"""
options:
  stack:
    description:
      - Name of the stack. Optional if the host has only one.
    type: str
    default: ""
"""
