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
      - Limit the operation to these apps. The new release contains all others as they are live now.
    type: list
    elements: str
    default: []
  reason:
    description:
      - Why. Recorded in the history.
    type: str
    default: ""
  person:
    description:
      - Who does it. Recorded in the history. In a playbook the default is the variable C(release_person), or else the
        login name on the control machine.
    type: str
    default: unknown
  origin:
    description:
      - The machine from which the operation was started. Recorded in the history. In a playbook the default is the
        name of the control machine.
    type: str
    default: unknown
  lock_wait:
    description:
      - How many seconds to wait while another operation holds the lock. With 0 the module fails at once and names the
        holder.
    type: float
    default: 0
  watch_seconds:
    description:
      - How long the new release is watched after the switch before the old one is stopped.
        Defaults to the variable C(release_watch_seconds), or else the stack's setting.
    type: int
  warm_seconds:
    description:
      - How long the old slot is kept running, so that a rollback only switches traffic.
        Defaults to the variable C(release_warm_seconds), or else the stack's setting.
    type: int
  wait_seconds:
    description:
      - How long the module waits for the operation, which runs in its own process and continues in any case.
        Without it the module waits until the end. The action plugin sets it to show progress.
    type: float
  definition:
    description:
      - The stack's definition on the control machine, for comparison with what was provisioned. If they differ the
        operation is refused, because it would not match the inventory. In a playbook the default is the definition in
        the inventory.
    type: dict
notes:
  - A string for a list is split at commas, so that C(-e apps=a,b) works.
  - In a playbook an option that the task does not set is taken from the variable of the same name, if there is one.
    This is how C(-e apps=a,b) and C(-e reason=...) reach the playbooks of this collection. An option that the task sets
    wins.
"""
