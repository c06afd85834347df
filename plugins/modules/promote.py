#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: promote
short_description: Promote the images that run in staging to production
description:
  - Evaluates the go/no-go gates, starts staging's images in the idle slot of production, waits until all are healthy,
    moves the tags, switches all apps at once, confirms through the edge and stops the old slot, which is kept for a
    rollback. Nothing is built or pulled.
  - If anything fails, production and the tags stay as they were.
options:
  skip_gates:
    description:
      - Gates to ignore. They are still evaluated and recorded.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - onehost.release.stack
  - onehost.release.operation
attributes:
  check_mode:
    support: full
    description: Evaluates the gates and reports what would be switched.
  diff_mode:
    support: full
    description: Shows the release before and after.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Promote staging to production
  onehost.release.promote:
    reason: approved by QA

- name: Promote during an incident despite low disk space
  onehost.release.promote:
    skip_gates: [disk_free]
    reason: hotfix for login
"""

RETURN = r"""
msg:
  description: What happened, in one sentence.
  returned: always
  type: str
lines:
  description: The whole report as human-readable lines.
  returned: when the operation has ended
  type: list
  elements: str
report:
  description:
    - The report as data, including C(release), C(was), C(slot), C(commit), C(seconds), C(steps) (seconds of each),
      C(gates), C(problems), C(recovered), C(log) and C(rollback_to).
  returned: when the operation has ended
  type: dict
running:
  description: True if the operation continues beyond O(wait_seconds); C(journal) and C(result) name its files.
  returned: when the module did not wait for the end
  type: bool
"""

from ansible_collections.onehost.release.plugins.module_utils.operation_module import run_module


def main() -> None:
    run_module("promote")


if __name__ == "__main__":
    main()
