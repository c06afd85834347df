#!/usr/bin/python
# Copyright (c) 2026, the onehost.release maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy
short_description: Build a commit on the host and deploy it to staging
description:
  - Fetches the stack's repository, builds the apps whose source changed with BuildKit, starts them in the idle slot of
    staging, waits until all are healthy, switches traffic, confirms through the edge and stops the old slot.
  - If anything fails, staging stays as it was.
options:
  version:
    description:
      - Branch, tag or commit to deploy. Defaults to the stack's C(version).
    type: str
    default: ""
  rebuild:
    description:
      - Build every app without the cache, even if its source did not change.
    type: bool
    default: false
  keep_schema:
    description:
      - Migrate nothing, as a rollback does. For an older commit on data that is newer, which the databases of a lost
        host may have.
    type: bool
    default: false
extends_documentation_fragment:
  - onehost.release.stack
  - onehost.release.operation
attributes:
  check_mode:
    support: full
    description: Reports what would be built and switched. Fetches from git, which only adds git objects.
  diff_mode:
    support: full
    description: Shows the release before and after.
author:
  - the onehost.release maintainers (@onehost)
"""

EXAMPLES = r"""
- name: Deploy the stack's default branch to staging
  onehost.release.deploy:

- name: Deploy one app of a tag
  onehost.release.deploy:
    stack: shop
    version: v1.4.0
    apps: [billing]
    reason: fix for the invoice page
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
    run_module("deploy")


if __name__ == "__main__":
    main()
