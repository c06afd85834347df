#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: promote
short_description: Bring to production the very images that run in staging
description:
  - Evaluates the go/no-go gates, starts staging's images in the idle slot of production, waits until all are healthy,
    moves the tags, switches all apps at once, confirms through the edge and stops the old slot, which is kept for the
    way back. Nothing is built or pulled.
  - When anything fails, production answers as before and the tags are as before.
options:
  skip_gates:
    description:
      - Gates to pass over. They are evaluated and recorded all the same.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - onehost.release.stack
  - onehost.release.operation
attributes:
  check_mode:
    support: full
    description: Evaluates the gates and says what would be switched.
  diff_mode:
    support: full
    description: Shows the release before and after.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Promote what was tested in staging
  onehost.release.promote:
    reason: approved by QA

- name: Promote in an incident with little disk left
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
  description: The whole report as lines for people.
  returned: when the operation has ended
  type: list
  elements: str
report:
  description:
    - The report as data, among others C(release), C(was), C(slot), C(commit), C(seconds), C(steps) (seconds of each),
      C(gates), C(problems), C(recovered), C(log) and C(rollback_to).
  returned: when the operation has ended
  type: dict
running:
  description: True when the operation goes on beyond O(wait_seconds); C(journal) and C(result) name its files.
  returned: when the module did not wait for the end
  type: bool
"""

from ansible_collections.onehost.release.plugins.module_utils.operation_module import run_module


def main() -> None:
    run_module("promote")


if __name__ == "__main__":
    main()
