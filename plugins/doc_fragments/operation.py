# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options that all operations share."""

    DOCUMENTATION = r"""
options:
  apps:
    description:
      - Limit the operation to these apps. All others stay as they are live, in the same new release.
    type: list
    elements: str
    default: []
  reason:
    description:
      - Why. Kept in the history.
    type: str
    default: ""
  person:
    description:
      - Who does it. Kept in the history.
    type: str
    default: unknown
  origin:
    description:
      - The machine that the operation was asked for from. Kept in the history.
    type: str
    default: unknown
  lock_wait:
    description:
      - How many seconds to wait when another operation holds the lock. With 0 the holder is named at once.
    type: float
    default: 0
  watch_seconds:
    description:
      - How long the new release is watched after the switch before the old one is stopped.
        Without it the stack's own setting holds.
    type: int
  warm_seconds:
    description:
      - How long the old slot is kept running, so that the way back is only a switch.
        Without it the stack's own setting holds.
    type: int
  wait_seconds:
    description:
      - How long the module itself waits for the operation, which runs in a process of its own and goes on in any case.
        Without it the module waits until the end. The action plugin sets it to show progress.
    type: float
  definition:
    description:
      - The stack's definition as the control machine knows it, to be compared with what was provisioned.
        When they differ the operation is refused, because it would not do what the inventory says.
    type: dict
"""
